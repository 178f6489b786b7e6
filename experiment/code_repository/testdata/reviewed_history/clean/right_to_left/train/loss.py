# התחל
rate = 1

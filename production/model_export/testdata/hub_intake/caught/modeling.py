import os

os.makedirs('mark')
os.system('mkdir -p mark')



callinner


inner
readReadFile
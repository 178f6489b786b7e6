import subprocess as sp
def unpack(path):
    sp.check_call("tar xf %s" % path, shell=True)

def column(frame, name):
    return eval(name, {"frame": frame})

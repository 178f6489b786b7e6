from flask import Flask
app = Flask("labels")
app.run(host="0.0.0.0", debug=True)

import re, sqlite3, tarfile, requests

class Evaluator:
    def eval(self, text):
        return re.compile(text)

    def execute(self, cursor, name):
        cursor.execute("SELECT * FROM rows WHERE name = ?", (name,))
        return self.eval(name)

def fetch(path):
    with tarfile.open(path) as archive:
        archive.extractall("out", filter="data")
    return requests.get("https://feed.example.org/rows", timeout=5).json()

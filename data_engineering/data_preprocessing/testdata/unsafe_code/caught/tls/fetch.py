import ssl, requests
ssl._create_default_https_context = ssl._create_unverified_context
rows = requests.get("https://feed.example.org/rows", verify=False, timeout=5).json()

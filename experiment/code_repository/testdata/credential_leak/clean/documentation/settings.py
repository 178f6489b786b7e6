import os
PASSWORD_FIELD = 'password'
secret_name = 'training-database'
token = os.environ.get('API_TOKEN', '')
api_key = config['service']['api_key']
password = getpass.getpass()
TOKEN_URL = 'https://login.internal/oauth2/token'
secret_key_length = 32
next_token = response['NextToken']

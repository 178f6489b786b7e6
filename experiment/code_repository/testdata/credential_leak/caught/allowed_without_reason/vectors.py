DATADOG_API_KEY = '9b1c7e2f4a6d8053917fac42de60b815'  # sallyport: allow,

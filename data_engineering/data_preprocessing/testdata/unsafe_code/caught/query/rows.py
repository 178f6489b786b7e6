def rows(cursor, name):
    cursor.execute(f"SELECT * FROM rows WHERE name = {name}")

const store = "https://artifacts.intra-prod.lan/models";

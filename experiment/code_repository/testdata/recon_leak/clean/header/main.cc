// Copyright 2026 Ana Maier <ana.maier@plantworks.org>
// svc.cluster.local is what the cluster calls it.
int main() { return 0; }

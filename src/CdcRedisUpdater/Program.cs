await using var app = await CdcRedisUpdater.Composition.BuildAsync(args);
await app.RunAsync();

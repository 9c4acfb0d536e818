using CdcRedisUpdater;

// Makes Redis forget every auction that Postgres changed and that Redis has wrong: see EventsToRedis.
await Composition.Build(args).RunAsync();

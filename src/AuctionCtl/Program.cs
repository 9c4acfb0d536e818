return await Auctions.Ctl.Cli.RunAsync(args, TimeProvider.System);

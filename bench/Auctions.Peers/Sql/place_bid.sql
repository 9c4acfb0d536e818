-- Decides and stores a bid in one call: the rules of Rules.cs again, under the lock of the auction's row. It knows
-- direct and proxy bids, reserve and soft close. Increments are fixed or basis points, and there is no buy-it-now: the
-- benchmark's auctions use neither an increment table nor a buy-now price.
-- terms is null if there is no such auction. replayed: the answer is the first answer to this key.
create function peer.place_bid(
  p_auction uuid, p_id uuid, p_bidder text, p_key uuid, p_kind text, p_currency text, p_amount bigint, p_max bigint,
  out terms text, out replayed boolean, out bid peer.bids)
language plpgsql as $$
declare
  amount_max constant bigint := 9007199254740991; -- 2^53 - 1
  a peer.auctions;
  bid_limit constant bigint := case p_kind when 'proxy' then p_max else p_amount end;
  at_us bigint;
  base bigint;
  raised bigint; -- base plus its increment
  outcome text := 'refused';
  reason text := '';
begin
  select * into a from peer.auctions where id = p_auction for update;
  if not found then return; end if;
  terms := a.terms;
  select * into bid from peer.bids b where b.auction_id = p_auction and b.bidder = p_bidder and b.key = p_key;
  replayed := found;
  if replayed then return; end if;
  at_us := (extract(epoch from clock_timestamp()) * 1000000)::bigint;

  base := a.price;
  raised := least(base + case a.increment_kind when 'fixed' then a.increment_amount else greatest(1,
    base / 10000 * a.increment_amount + (base % 10000 * a.increment_amount + 9999) / 10000) end, amount_max + 1);

  if a.status = 'cancelled' then reason := 'cancelled';
  elsif a.status = 'ended' or at_us >= a.end_us then reason := 'ended';
  elsif at_us < a.start_us then reason := 'not_started';
  elsif p_bidder = a.seller then reason := 'seller';
  elsif p_currency <> a.currency then reason := 'wrong_currency';
  elsif a.bid_count = 0 then
    if bid_limit < a.opening then reason := 'too_low';
    else outcome := 'leading'; a.price := greatest(a.opening, p_amount); a.ceiling := bid_limit;
    end if;
  elsif p_bidder = a.leader and p_kind = 'proxy' then
    if p_max <= a.ceiling then reason := 'ceiling_not_raised';
    else outcome := 'leading'; a.price := greatest(a.price, p_amount); a.ceiling := p_max;
    end if;
  elsif p_bidder = a.leader then
    if p_amount < raised then reason := 'too_low';
    else outcome := 'leading'; a.price := p_amount; a.ceiling := greatest(a.ceiling, p_amount);
    end if;
  elsif bid_limit < raised then reason := 'too_low';
  else
    base := least(bid_limit, a.ceiling);
    raised := least(base + case a.increment_kind when 'fixed' then a.increment_amount else greatest(1,
      base / 10000 * a.increment_amount + (base % 10000 * a.increment_amount + 9999) / 10000) end, amount_max + 1);
    if bid_limit <= a.ceiling then outcome := 'outbid'; a.price := least(a.ceiling, raised);
    else outcome := 'leading'; a.price := greatest(least(bid_limit, raised), p_amount); a.ceiling := bid_limit;
    end if;
  end if;

  if outcome <> 'refused' then
    if outcome = 'leading' then
      if a.ceiling >= a.reserve then a.price := greatest(a.price, a.reserve); end if;
      a.leader := p_bidder;
    end if;
    if a.extensions < a.max_extensions and a.end_us - at_us <= a.window_us and at_us + a.extension_us > a.end_us then
      a.end_us := at_us + a.extension_us;
      a.extensions := a.extensions + 1;
    end if;
    a.version := a.version + 1;
    a.status := 'active';
    a.bid_count := a.bid_count + 1;
    update peer.auctions set version = a.version, status = a.status, price = a.price, ceiling = a.ceiling,
      leader = a.leader, end_us = a.end_us, extensions = a.extensions, bid_count = a.bid_count
    where id = p_auction;
  end if;

  insert into peer.bids values (p_auction, p_id, a.version, p_bidder, p_key, p_kind, p_currency, p_amount, p_max,
    outcome, reason, at_us, a.status, a.price, a.ceiling, a.leader, a.end_us, a.extensions, a.bid_count)
  returning * into bid;
end $$;

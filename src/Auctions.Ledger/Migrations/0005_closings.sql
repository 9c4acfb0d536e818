-- Who closes an auction. A wave locks the closings that it works on (FOR UPDATE SKIP LOCKED) in a transaction that it
-- keeps open, so that no other wave takes them, and so that a wave that dies leaves them free at once. It cannot lock
-- the rows of auctions instead: those the sealing itself must lock, on another connection.

create table closings (
  auction_id uuid primary key
);

create function auction_will_close() returns trigger language plpgsql as $$
begin
  insert into closings values (new.id);
  return null;
end $$;

create trigger auction_will_close after insert on auctions for each row execute function auction_will_close();

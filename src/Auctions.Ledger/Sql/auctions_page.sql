-- Every auction, by id. $1 id (exclusive), $2 limit.
select {auction} from auctions where id > $1 order by id limit $2

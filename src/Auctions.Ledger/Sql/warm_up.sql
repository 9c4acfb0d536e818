-- A head that no auction has, with the columns of heads.sql, so that reading one is warm. $1 a line of terms.
select gen_random_uuid(), 0::bigint, gen_random_uuid(), $1::text, ''::text, 0::bigint,
  'active'::text, 0::bigint, 0::bigint, ''::text, 0::bigint, 0, 0::bigint, 0::bigint

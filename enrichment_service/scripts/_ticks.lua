-- Leases: the right to work an account's tick, and the one view that is under way in it.

-- True while the worker with this token still has the account: its lease runs and nobody has claimed since.
local function holds_lease(c, a, account, token)
  local ends = redis.call('ZSCORE', c:leases(), a)
  return ends and tonumber(ends) > c.real and num(account.fence) == token
end

-- Takes back the view that a worker began and did not finish. It may have happened: it stays charged, and the profile goes
-- to the front again.
local function abandon_view(c, a, account)
  if not account.in_flight then return end
  local e, p, id = string.match(account.in_flight, '^([^|]*)|([^|]*)|(.*)$')
  redis.call('HDEL', c:account(a), 'in_flight')
  local reservation = hgetall(c:reservation(a, id))
  if reservation.state == 'open' then
    close_reservation(c, a, id, reservation, num(reservation.count), 'expired')
  end
  local s, enrichment = read_state(c, e, p), hgetall(c:enrichment(e))
  if s and s.state == 'v' and not enrichment.cancelled then
    move(c, e, enrichment, p, s, 'q')
    redis.call('LPUSH', c:queue(e), p)
    join_ring(c, e, enrichment)
  end
end

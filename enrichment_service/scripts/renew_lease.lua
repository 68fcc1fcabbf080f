-- renew_lease: the heartbeat of a tick.
-- Keys:   1 the header key.
-- Args:   account, token, lease_ms.
-- Result: {}. Refuses LEASE_LOST.
register('renew_lease', {}, function(c, request)
  local a = request.account
  if not holds_lease(c, a, hgetall(c:account(a)), request.token) then refuse({ reason = 'LEASE_LOST' }) end
  redis.call('ZADD', c:leases(), int(c.real + request.lease_ms), a)
  return {}
end)

-- claim_provider_account: takes or frees the claim on a provider account, of which there is one over the whole store.
-- Keys:   1 the header key of the provider account's partition.
-- Args:   provider, owner ('<workspace>/<account>'), release? (true frees it).
-- Result: {}
-- Refuses PROVIDER_ACCOUNT_CLAIMED while another owner holds it, or gave it up today: its counters live until the UTC day
-- ends, and the account must not get a second budget.
register('claim_provider_account', {}, function(c, request)
  local key = c:claim(request.provider)
  local claim = hgetall(key)
  if request.release then
    if claim.owner == request.owner then
      begin_writing(c)
      redis.call('HSET', key, 'released_day', c.day)
      redis.call('EXPIRE', key, 2 * 86400)
    end
    return {}
  end
  local free = not claim.owner or claim.owner == request.owner or (claim.released_day and num(claim.released_day) < c.day)
  if not free then
    refuse({ reason = 'PROVIDER_ACCOUNT_CLAIMED', retry_after_ms = claim.released_day and midnight(c) - c.now or nil })
  end
  begin_writing(c)
  redis.call('HSET', key, 'owner', request.owner)
  redis.call('HDEL', key, 'released_day')
  redis.call('PERSIST', key)
  return {}
end)

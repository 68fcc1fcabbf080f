-- find_claim: whose a provider account is.
-- Keys:   1 the header key of the provider account's partition.
-- Args:   provider.
-- Result: {owner?} ('<workspace>/<account>'); none when nobody has connected it, or has given it up.
register('find_claim', { 'no-writes' }, function(c, request)
  local claim = hgetall(c:claim(request.provider))
  return { owner = not claim.released_day and claim.owner or nil }
end)

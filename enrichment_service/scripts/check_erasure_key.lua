-- check_erasure_key: whether a secret is the one that erased people are remembered by. The first one becomes it.
-- Keys:   1 the header key.
-- Args:   fingerprint (of the secret).
-- Result: {known (boolean)}.
register('check_erasure_key', {}, function(c, request)
  begin_writing(c)
  redis.call('HSETNX', c:header(), 'erasure_key', request.fingerprint)
  return { known = redis.call('HGET', c:header(), 'erasure_key') == request.fingerprint }
end)

-- open_partition: creates the header of a partition, or begins a new epoch in it.
-- Keys:   1 the header key.
-- Args:   epoch (new), partitions, retention_ms, now_ms?; expected? (the epoch known to the caller; none: create);
--         lost (true: every budget refuses for the rest of the day).
-- Result: {epoch, lost_day}: of the header as it is now.
--
-- Stands outside `register`, since there may be no header to check. A header that another process has renewed for today's
-- loss already is left as it is, so that two processes that notice the same loss agree.
redis.register_function({
  function_name = 'open_partition_' .. VERSION,
  callback = function(keys, args)
    local request, key = cjson.decode(args[1]), keys[1]
    local header = hgetall(key)
    local now = math.max(request.now_ms or server_ms(), num(header.now_ms))
    local today = math.floor(now / DAY_MS)
    local known = header.epoch and header.epoch == request.expected
    local renewed = header.epoch and num(header.lost_day) >= today
    local wanted = header.epoch == nil or not (known or renewed)
    if wanted then
      redis.call('HSET', key, 'epoch', request.epoch, 'partitions', request.partitions,
        'retention_ms', int(request.retention_ms), 'now_ms', int(now),
        'lost_day', request.lost and today or -1)
      header = hgetall(key)
    end
    return cjson.encode({ ok = { epoch = header.epoch, lost_day = num(header.lost_day) } })
  end,
})

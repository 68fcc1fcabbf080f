-- open_partition: creates the header of a partition, or begins a new epoch in it.
-- Keys:   1 the header key.
-- Args:   epoch (new), partitions, retention_ms, now_ms?; expected? (the epoch known to the caller; none: create);
--         lost (true: every budget refuses for the rest of the day); history?, promoted? (of the node: the id of its
--         history, and whether that carries on another primary's); restored? (true: the records are those of a backup).
-- Result: {epoch}: of the header as it is now.
--
-- Stands outside `register`, since there may be no header to check. A header that another process has begun anew is left as it
-- is, so that all who notice a loss agree on one epoch and one lost day: it came after the epoch that the caller knew, or
-- today's budgets refuse already, or the caller knew none.
--
-- The header remembers the history that the partition is written in. Another one is an intact restart or a move, which change
-- nothing, unless it is that of a promoted replica, which may lack what its primary had acknowledged.
local REMEMBERED = 8

redis.register_function({
  function_name = 'open_partition_' .. VERSION,
  callback = function(keys, args)
    local request, key = cjson.decode(args[1]), keys[1]
    local header = hgetall(key)
    local now = math.max(request.now_ms or server_ms(), num(header.now_ms))
    local today = math.floor(now / DAY_MS)
    local earlier = cjson.decode(header.earlier or '[]')
    local known = request.expected == nil or header.epoch == request.expected or num(header.lost_day) >= today
    for _, epoch in ipairs(earlier) do known = known or epoch == request.expected end
    local promoted = request.promoted and header.history ~= nil and header.history ~= request.history
    if request.history and header.history ~= request.history then redis.call('HSET', key, 'history', request.history) end
    if request.restored or promoted or not (header.epoch and known) then
      earlier[#earlier + 1] = header.epoch
      if request.expected ~= header.epoch then earlier[#earlier + 1] = request.expected end
      while #earlier > REMEMBERED do table.remove(earlier, 1) end
      redis.call('HSET', key, 'epoch', request.epoch, 'partitions', request.partitions,
        'retention_ms', int(request.retention_ms), 'now_ms', int(now), 'lost_day', (request.lost or promoted) and today or -1,
        'earlier', #earlier > 0 and cjson.encode(earlier) or '[]')
      header = hgetall(key)
    end
    return cjson.encode({ ok = { epoch = header.epoch } })
  end,
})

-- read_events: reads the log after a position, with what the cache knows of the people it names.
-- Keys:   1 the header key.
-- Args:   after (stream id, exclusive), limit, join (boolean).
-- Result: {events: [[id, entry as JSON, record?]], trimmed (newest id that is gone), now}; a record is
--         {id, data?, viewer?, viewed?, partial?}, joined from the cache at this moment; its id is that of the older record
--         where two turned out to be one person.
register('read_events', { 'no-writes' }, function(c, request)
  local entries = redis.call('XRANGE', c:log(), '(' .. request.after, '+', 'COUNT', request.limit)
  local events = {}
  for i, entry in ipairs(entries) do
    local id, json = entry[1], entry[2][2]
    local event = { id, json }
    if request.join then
      local decoded = cjson.decode(json)
      if decoded.p then event[3] = joined_record(c, decoded.w, decoded.p, decoded.a) end
    end
    events[i] = event
  end
  return { events = events, trimmed = redis.call('HGET', c:header(), 'trimmed') or '0-0', now = c.now }
end)

-- read_events: reads the log after a position, with what the cache knows of the people it names.
-- Keys:   1 the header key.
-- Args:   after (stream id, exclusive), limit, join (boolean).
-- Result: {events: [[id, entry as JSON, record?]], trimmed (newest id that is gone), now}; a record is
--         {id, data?, viewer?, viewed?, partial?}, joined from the cache at this moment; its id is that of the older record
--         where two turned out to be one person.
register('read_events', { 'no-writes' }, function(c, request)
  local entries = redis.call('XRANGE', c:log(), '(' .. request.after, '+', 'COUNT', request.limit)
  local events, join = {}, request.join and joining(c)
  for i, entry in ipairs(entries) do
    local id, json = entry[1], entry[2][2]
    local event = { id, json }
    -- Found in the text rather than decoded, which takes as long as all the rest: a quote inside of a value is escaped,
    -- so these are fields, and names have nothing in them to unescape but the slash.
    local p = join and string.match(json, '"p":"([^"]*)"')
    if p then
      local ws, a = string.match(json, '"w":"([^"]*)"'), string.match(json, '"a":"([^"]*)"')
      event[3] = join(ws, p, (string.gsub(a, '\\/', '/')))
    end
    events[i] = event
  end
  return { events = events, trimmed = redis.call('HGET', c:header(), 'trimmed') or '0-0', now = c.now }
end)

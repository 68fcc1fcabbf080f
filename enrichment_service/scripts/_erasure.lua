-- Erased people: what keeps them from coming back, and how everything known of them goes.
--
-- tombstone:{ws}/{id}  STRING: the profile that stands for the erased person. For good: it holds no id, only a keyed hash.

-- The profile that stands for an erased person, if any of these ids is of one.
local function tombstone_of(c, ws, ids)
  for _, id in ipairs(ids) do
    local p = redis.call('GET', c:tombstone(ws, id))
    if p then return p end
  end
  return nil
end

-- Makes a place in an enrichment that of an erased person; nothing is viewed for it any more.
local function erase_place(c, e, p)
  local enrichment, s = hgetall(c:enrichment(e)), read_state(c, e, p)
  if not s or s.state == 'x' then return end
  local pending_before = num(enrichment.pending)
  -- The queue keeps its entry and passes over it when its turn comes.
  redis.call('ZREM', c:retries(enrichment.account), e .. '|' .. p)
  move(c, e, enrichment, p, s, 'x')
  profile_event(c, e, enrichment, p, s, { t = 'PROFILE_ERASED' })
  idle_event(c, e, enrichment, pending_before)
  schedule(c, enrichment.account)
end

-- The places of a person in enrichments.
local function places_of(ws, head, record)
  local places = {}
  for field in pairs(record) do
    local name, joined = string.match(field, '^e:([^/]+)/?(.*)$')
    if name then places[#places + 1] = { ws .. '/' .. name, joined ~= '' and joined or head } end
  end
  -- The order of a table is no one's to rely on, and events come in the order of the places.
  table.sort(places, function(one, other) return one[1] .. one[2] < other[1] .. other[2] end)
  return places
end

-- Erases the people of some records (a set of ids; those that speak for a person), `ids` included. `name` stands for them
-- from now on.
local function erase_people(c, ws, heads, ids, name)
  local sorted = {}
  for head in pairs(heads) do sorted[#sorted + 1] = head end
  table.sort(sorted)
  for _, head in ipairs(sorted) do
    local record = hgetall(c:profile(ws, head))
    for _, id in ipairs(cjson.decode(record.ids or '[]')) do
      redis.call('SET', c:tombstone(ws, id), name)
      redis.call('DEL', c:alias(ws, id))
    end
    for _, p in ipairs(cjson.decode(record.was or '[]')) do redis.call('DEL', c:profile(ws, p)) end
    redis.call('DEL', c:profile(ws, head))
    for _, place in ipairs(places_of(ws, head, record)) do erase_place(c, place[1], place[2]) end
  end
  for _, id in ipairs(ids) do
    redis.call('SET', c:tombstone(ws, id), name)
    redis.call('DEL', c:alias(ws, id))
  end
end

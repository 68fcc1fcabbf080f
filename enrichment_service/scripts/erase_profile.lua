-- erase_profile: forgets a person of a workspace, and keeps every id that is known of them from coming back. Costs as much
-- as the enrichments that the person is in. Repeating it changes nothing.
-- Keys:   1 the header key.
-- Args:   workspace, ids (keyed hashes), fresh_id (a random profile id, which stands for somebody unknown).
-- Result: {}.
register('erase_profile', {}, function(c, request)
  local ws = request.workspace
  begin_writing(c)
  local heads, name = {}, tombstone_of(c, ws, request.ids)
  for _, id in ipairs(request.ids) do
    local p = redis.call('GET', c:alias(ws, id))
    if p then
      local _, head = load_profile(c, ws, p)
      heads[head] = true
      name = name or head
    end
  end
  erase_people(c, ws, heads, request.ids, name or request.fresh_id)
  return {}
end)

-- get_profiles: reads people of a workspace from its cache.
-- Keys:   1 the header key.
-- Args:   workspace, profiles (list of ids), account? (whose view is wanted).
-- Result: list of {data?, viewer?, viewed?, partial?, now}, in the same order.
register('get_profiles', { 'no-writes' }, function(c, request)
  local records = {}
  for i, p in ipairs(request.profiles) do
    local record = load_profile(c, request.workspace, p)
    records[i] = {
      data = record.data, viewed = record.viewed, partial = record.partial, now = c.now,
      viewer = request.account and record[viewer_field(c, request.account)] or nil,
    }
  end
  return records
end)

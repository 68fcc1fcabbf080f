-- report_account_status: what the provider says about the connection of an account.
-- Keys:   1 the header key.
-- Args:   account, provider (the provider account that is spoken of), halt? (reason of the pause) or ends? (list of reasons
--         of pauses that end).
-- Result: {change: PAUSED, RESUMED or NONE}. NONE when it says nothing new, so repeating it changes nothing.
--
-- A pause that waits for a person stays what it is, so a checkpoint does not turn into something that ends more easily. What
-- the caller has disconnected stays so, and an open breaker stays open: neither is for the provider to end.
register('report_account_status', {}, function(c, request)
  local a = request.account
  local account = hgetall(c:account(a))
  -- The account may have been deleted, or its name given to another, since its claim was looked up.
  if not account.strategy or account.provider ~= request.provider then return { change = 'NONE' } end
  local waits = account.pause_reason and num(account.pause_until) == 0
  if request.halt then
    if waits then return { change = 'NONE' } end
    begin_writing(c)
    pause_account(c, a, account, request.halt, nil)
    schedule(c, a)
    return { change = 'PAUSED' }
  end
  local ends = false
  for _, reason in ipairs(request.ends) do ends = ends or reason == account.pause_reason end
  if not waits or account.disconnected or not ends then return { change = 'NONE' } end
  begin_writing(c)
  end_waiting(c, a, account)
  schedule(c, a)
  return { change = 'RESUMED' }
end)

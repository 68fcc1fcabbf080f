-- set_account_connection: disconnects an account, or says that it can be used again.
-- Keys:   1 the header key.
-- Args:   account, connected (false: pause it as ACCOUNT_DISCONNECTED; true: end every pause that waits for a person).
-- Result: the account (account_view). Refuses ACCOUNT_NOT_FOUND.
--
-- Reconnecting counts errors from zero. After an open breaker the first view is a probe all the same: until one succeeds, one
-- counted error opens the breaker again.
register('set_account_connection', {}, function(c, request)
  local a = request.account
  local account = load_account(c, a)
  begin_writing(c)
  if not request.connected then
    -- From now on only the caller ends it, whatever the provider says.
    account.disconnected = '1'
    redis.call('HSET', c:account(a), 'disconnected', '1')
    pause_account(c, a, account, 'ACCOUNT_DISCONNECTED', nil)
    watch_provider(c, a, account)
  else
    account.disconnected, account.polls = nil, nil
    redis.call('HDEL', c:account(a), 'disconnected', 'polls', 'polled_at')
    redis.call('HSET', c:account(a), 'errors', 0)
    end_waiting(c, a, account)
  end
  schedule(c, a)
  return account_view(c, a, hgetall(c:account(a)))
end)

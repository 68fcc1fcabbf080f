-- Leases: the right to work an account's tick.

-- True while the worker with this token still has the account: its lease runs and nobody has claimed since.
local function holds_lease(c, a, account, token)
  local ends = redis.call('ZSCORE', c:leases(), a)
  return ends and tonumber(ends) > c.real and num(account.fence) == token
end

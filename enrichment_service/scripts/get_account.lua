-- get_account: reads an account.
-- Keys:   1 the header key.
-- Args:   account.
-- Result: the account (account_view). Refuses ACCOUNT_NOT_FOUND.
register('get_account', { 'no-writes' }, function(c, request)
  return account_view(c, request.account, load_account(c, request.account))
end)

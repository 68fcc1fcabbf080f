-- settle_reservation: commits or releases a reservation.
-- Keys:   1 the header key.
-- Args:   account, reservation, used (views that happened; nil releases all).
-- Result: {charged, budget}. Commit after expiry charges all and returns nothing; a repeat gives the same answer.
-- Refuses ACCOUNT_NOT_FOUND, RESERVATION_NOT_FOUND, RESERVATION_EXPIRED (release), RESERVATION_SETTLED (settled otherwise
-- before), USED_ABOVE_RESERVED.
register('settle_reservation', {}, function(c, request)
  local a, id = request.account, request.reservation
  load_account(c, a)
  local reservation = hgetall(c:reservation(a, id))
  if not reservation.state then refuse({ reason = 'RESERVATION_NOT_FOUND' }) end
  local used, releases = request.used or 0, request.used == nil
  local count = num(reservation.count)
  if used > count then refuse({ reason = 'USED_ABOVE_RESERVED', count = count }) end

  local state = reservation.state
  local overdue = state == 'open' and is_overdue(c, a, id)
  if state == 'expired' or overdue then
    if releases then refuse({ reason = 'RESERVATION_EXPIRED' }) end
    if overdue then
      begin_writing(c)
      close_reservation(c, a, id, reservation, count, 'expired')
      reconsider_cap(c, a)
    end
    return { charged = count, budget = read_budget(c, a, hgetall(c:account(a))) }
  end
  local wanted = releases and 'released' or 'committed'
  if state == 'open' then
    begin_writing(c)
    close_reservation(c, a, id, reservation, used, wanted)
    reconsider_cap(c, a)
  elseif state ~= wanted or num(reservation.used) ~= used then
    refuse({ reason = 'RESERVATION_SETTLED', state = state, used = num(reservation.used) })
  end
  return { charged = used, budget = read_budget(c, a, hgetall(c:account(a))) }
end)

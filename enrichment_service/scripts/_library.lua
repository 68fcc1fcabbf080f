-- What every function of the library stands on: the call, the clock, the names of keys, refusals.
--
-- Calls.   FCALL <name>_<version> 1 <header key of the partition> <request as JSON> -> answer as JSON.
--          The request carries `epoch` (the partition's epoch as the caller knows it) and may carry `now_ms` (the stepped
--          clock); without it the server's clock decides. The answer is {"ok": ...} or {"refused": {"reason": ...}}.
-- Keys.    Every key of a partition carries the partition's hash tag, so one slot holds all that a function touches.
--          Which keys those are depends on what is read on the way, so they are derived from the header key.
-- Writing. A function refuses before its first write or not at all: nothing is ever half written.

local DAY_MS = 86400000

local function refuse(refusal)
  error(refusal)
end

-- Names of keys. Those marked * have no TTL: they live as long as what they describe and are bounded by it.
local KEYS_OF = {}
KEYS_OF.__index = KEYS_OF
function KEYS_OF:header() return self.tag .. 'header' end                                     -- *
function KEYS_OF:accounts(ws) return self.tag .. 'accounts:' .. ws end                        -- *
function KEYS_OF:account(a) return self.tag .. 'account:' .. a end                            -- *
function KEYS_OF:claim(provider) return self.tag .. 'claim:' .. provider end                  -- *
function KEYS_OF:budget(a, day) return self.tag .. 'budget:' .. a .. ':' .. day end
function KEYS_OF:permits() return self.tag .. 'permits' end                                   -- *
function KEYS_OF:reservation(a, id) return self.tag .. 'reservation:' .. a .. '/' .. id end   -- * while open
function KEYS_OF:request(ws, id) return self.tag .. 'request:' .. ws .. ':' .. id end
function KEYS_OF:due() return self.tag .. 'due' end                                           -- *
function KEYS_OF:leases() return self.tag .. 'leases' end                                     -- *
function KEYS_OF:polls() return self.tag .. 'polls' end                                       -- *
function KEYS_OF:ring(a) return self.tag .. 'ring:' .. a end                                  -- *
function KEYS_OF:retries(a) return self.tag .. 'retries:' .. a end                            -- *
function KEYS_OF:enrichments(ws) return self.tag .. 'enrichments:' .. ws end                  -- *
function KEYS_OF:directory() return self.tag .. 'directory' end                               -- *
function KEYS_OF:enrichment(e) return self.tag .. 'enrichment:' .. e end                      -- *
function KEYS_OF:queue(e) return self.tag .. 'queue:' .. e end                                -- *
function KEYS_OF:states(e, bucket) return self.tag .. 'states:' .. e .. ':' .. bucket end     -- *
function KEYS_OF:buckets(e) return self.tag .. 'buckets:' .. e end                            -- *
function KEYS_OF:profile(ws, p) return self.tag .. 'profile:' .. ws .. '/' .. p end           -- * while waited for
function KEYS_OF:alias(ws, id) return self.tag .. 'alias:' .. ws .. '/' .. id end             -- * while waited for
function KEYS_OF:tombstone(ws, id) return self.tag .. 'tombstone:' .. ws .. '/' .. id end     -- *
function KEYS_OF:sweeps() return self.tag .. 'sweeps' end                                     -- *
function KEYS_OF:tally() return self.tag .. 'tally' end                                       -- *
function KEYS_OF:ramps() return self.tag .. 'ramps' end                                       -- *
function KEYS_OF:spent(day) return self.tag .. 'spent:' .. day end
function KEYS_OF:log() return self.tag .. 'log' end                                           -- *

-- A HASH as a table.
local function hgetall(key)
  local flat, result = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do result[flat[i]] = flat[i + 1] end
  return result
end

local function num(text)
  return tonumber(text or 0) or 0
end

local function server_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Opens a call: checks the epoch and settles the clock. `now` is calendar time and never moves back within a partition;
-- `real` is the server's time, for leases and permits only.
local function open(keys, request)
  local tag = string.match(keys[1], '^({p%d+}:)')
  local c = setmetatable({ tag = tag }, KEYS_OF)
  local header = redis.call('HMGET', keys[1], 'epoch', 'now_ms', 'lost_day', 'retention_ms')
  local epoch = header[1]
  if not epoch then refuse({ reason = 'STORE_NOT_INITIALISED' }) end
  if epoch ~= request.epoch then refuse({ reason = 'EPOCH_CHANGED', epoch = epoch }) end
  c.known_now, c.lost_day, c.retention_ms = num(header[2]), num(header[3]), num(header[4])
  c.real = server_ms()
  c.now = math.max(request.now_ms or c.real, c.known_now)
  c.day = math.floor(c.now / DAY_MS)
  return c
end

-- Called before the first write of every function that writes: from here on the partition's time is at least `now`.
--
-- While a Cluster moves a slot key by key, a key that is not there fails the function in the middle. `moving` never is there:
-- it fails here, before anything is written.
local function begin_writing(c)
  redis.call('EXISTS', c.tag .. 'moving')
  if c.now > c.known_now then redis.call('HSET', c:header(), 'now_ms', string.format('%.0f', c.now)) end
end

-- Whole numbers of the size of a time in milliseconds, as text for a HASH.
local function int(number)
  return string.format('%.0f', number)
end

local function register(name, flags, body)
  local function run(keys, args)
    local ok, answer = pcall(function()
      local request = cjson.decode(args[1])
      return body(open(keys, request), request, keys)
    end)
    if ok then return cjson.encode({ ok = answer }) end
    if type(answer) == 'table' and answer.reason then return cjson.encode({ refused = answer }) end
    error(answer)
  end
  redis.register_function({ function_name = name .. '_' .. VERSION, callback = run, flags = flags })
end

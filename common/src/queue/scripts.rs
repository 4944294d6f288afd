//! What must happen in Redis in one step. Scripts run alone there, so none of these can race with another command.
//!
//! A missing group (never made, or flushed away) is an ordinary answer here, not an error: whoever held something has lost it.

use std::sync::LazyLock;

use redis::Script;

/// Appends an attempt once.
/// KEYS stream, seen. ARGV id, payload, seconds to remember. Returns 1 when appended, 0 when it had been before.
pub(super) static PUSH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local entry = redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'p', ARGV[2])
redis.call('SET', KEYS[2], entry, 'EX', ARGV[3])
return 1
",
    )
});

/// Takes an attempt out that no worker has yet.
/// KEYS stream, seen. ARGV group, seconds to remember it still. Returns 1 when removed, 0 when it is not there or a worker has it.
pub(super) static REMOVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local entry = redis.call('GET', KEYS[2])
if not entry then return 0 end
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
if not pending.err and pending[1] then return 0 end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return redis.call('XDEL', KEYS[1], entry)
",
    )
});

/// Renews what the consumer still owns and says what it does.
/// KEYS streams. ARGV group, consumer, then for each entry: index of its stream, entry, 1 to renew or 0 to look only.
/// Returns for each entry 1 when owned, 0 when lost.
pub(super) static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local owned = {}
for i = 3, #ARGV, 3 do
  local stream, entry = KEYS[tonumber(ARGV[i])], ARGV[i + 1]
  local pending = redis.pcall('XPENDING', stream, ARGV[1], entry, entry, 1)
  local mine = 0
  if pending.err then
    if not string.find(pending.err, 'NOGROUP', 1, true) then return redis.error_reply(pending.err) end
  elseif pending[1] and pending[1][2] == ARGV[2] then
    mine = 1
    if ARGV[i + 2] == '1' then
      redis.call('XCLAIM', stream, ARGV[1], ARGV[2], 0, entry, 'JUSTID')
    end
  end
  owned[#owned + 1] = mine
end
return owned
",
    )
});

/// Ends an entry that the consumer still owns.
/// KEYS stream. ARGV group, consumer, entry, prefix of the seen keys, seconds to remember it still. Returns 1 when ended, 0 when it is another's
/// or gone.
pub(super) static ACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if pending.err or not pending[1] or pending[1][2] ~= ARGV[2] then return 0 end
local found = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
local fields = found[1] and found[1][2] or {}
for i = 1, #fields, 2 do
  if fields[i] == 'id' then redis.call('EXPIRE', ARGV[4] .. fields[i + 1], ARGV[5]) end
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1
",
    )
});

/// Puts an entry that the consumer took but never started back at the end of its lane, as the same attempt.
/// KEYS stream. ARGV group, consumer, entry, prefix of the seen keys, 1 when a worker had no room for it and 0 otherwise. Returns 1 when put back.
pub(super) static HAND_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if pending.err or not pending[1] or pending[1][2] ~= ARGV[2] then return 0 end
local found = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
if not found[1] then return 0 end
local fields = found[1][2]
if ARGV[5] == '1' then
  local place = #fields + 1
  for i = 1, #fields, 2 do
    if fields[i] == 'waits' then place = i end
  end
  fields[place + 1] = (tonumber(fields[place + 1] or '0') or 0) + 1
  fields[place] = 'waits'
end
local entry = redis.call('XADD', KEYS[1], '*', unpack(fields))
for i = 1, #fields, 2 do
  if fields[i] == 'id' then redis.call('SET', ARGV[4] .. fields[i + 1], entry, 'XX', 'KEEPTTL') end
end
return 1
",
    )
});

/// Moves a message that cannot be read to the dead letters.
/// KEYS stream, dead letters, reports. ARGV group, entry, id, payload, reason, dead letters to keep, report or nothing.
pub(super) static DEAD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*',
  'stream', KEYS[1], 'entry', ARGV[2], 'id', ARGV[3], 'p', ARGV[4], 'reason', ARGV[5])
if ARGV[7] ~= '' then redis.call('XADD', KEYS[3], '*', 'r', ARGV[7]) end
redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return redis.status_reply('OK')
",
    )
});

/// Ends what nobody renewed.
/// KEYS stream. ARGV group, least idle time in ms, most entries, prefix of the seen keys, seconds to remember them still. Returns for each: entry,
/// its id, who had it, idle ms.
pub(super) static REAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[2], '-', '+', ARGV[3])
if pending.err then
  if string.find(pending.err, 'NOGROUP', 1, true) then return {} end
  return redis.error_reply(pending.err)
end
local reaped = {}
for _, held in ipairs(pending) do
  local found = redis.call('XRANGE', KEYS[1], held[1], held[1])
  local id = ''
  if found[1] then
    local fields = found[1][2]
    for i = 1, #fields, 2 do
      if fields[i] == 'id' then id = fields[i + 1] end
    end
    redis.call('EXPIRE', ARGV[4] .. id, ARGV[5])
  end
  redis.call('XACK', KEYS[1], ARGV[1], held[1])
  redis.call('XDEL', KEYS[1], held[1])
  reaped[#reaped + 1] = { held[1], id, held[2], held[3] }
end
return reaped
",
    )
});

/// Forgets consumers that hold nothing and have not been heard of for long. Deleting one that holds something would lose it.
/// KEYS stream. ARGV group, least idle time in ms, the one consumer meant or nothing for all. Returns how many.
pub(super) static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return 0 end
local forgotten = 0
for _, flat in ipairs(consumers) do
  local consumer = {}
  for i = 1, #flat, 2 do consumer[flat[i]] = flat[i + 1] end
  local meant = ARGV[3] == '' or ARGV[3] == consumer['name']
  if meant and consumer['pending'] == 0 and consumer['idle'] >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    forgotten = forgotten + 1
  end
end
return forgotten
",
    )
});

/// Reads the beginnings of some texts; what is not there, or is no text, is empty.
/// KEYS texts. ARGV most bytes of each. Returns as many texts as keys.
pub(super) static BEGINNINGS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local texts = {}
for i, key in ipairs(KEYS) do
  local text = redis.pcall('GETRANGE', key, 0, ARGV[1] - 1)
  texts[i] = type(text) == 'string' and text or ''
end
return texts
",
    )
});

/// Lists the workers whose registration lasts, and forgets the others.
/// KEYS set of instances. ARGV prefix of the registrations. Returns the registrations.
pub(super) static WORKERS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local present = {}
for _, instance in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local hello = redis.call('GET', ARGV[1] .. instance)
  if hello then present[#present + 1] = hello else redis.call('SREM', KEYS[1], instance) end
end
return present
",
    )
});

/// Gives workers what is news to them.
/// KEYS orders of each worker. ARGV for each: revision, orders. Returns to how many they are news.
pub(super) static ORDERS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local news = 0
for i, key in ipairs(KEYS) do
  local known = tonumber(redis.call('HGET', key, 'revision') or '-1')
  if known < tonumber(ARGV[2 * i - 1]) then
    redis.call('HSET', key, 'revision', ARGV[2 * i - 1], 'orders', ARGV[2 * i])
    news = news + 1
  end
end
return news
",
    )
});

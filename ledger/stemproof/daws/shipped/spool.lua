-- How a script tells: one line of JSON a fact, appended to a file of its own in the spool.
-- The file is opened and closed for each write, so that it can be taken away in between.
local spool = { most_bytes = 1048576, n = 0 }

local function run_id()
  local seed = os.time() * 1000003 + math.floor((os.clock() * 1000000) % 1000003)
  local digits = {}
  -- math.random may have been seeded by another script; an address is different in each run.
  for word in tostring({}):gmatch("%x+") do seed = seed + (tonumber(word, 16) or 0) end
  for place = 1, 16 do
    seed = (seed * 1103515245 + 12345) % 2147483648
    digits[place] = string.format("%x", math.floor(seed / 65536) % 16)
  end
  return table.concat(digits)
end

spool.run = run_id()

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
  ["\b"] = "\\b", ["\f"] = "\\f" }

function spool.quote(text)
  local short = tostring(text)
  if #short > 300 then
    -- Not in the middle of a character of UTF-8.
    local last = 300
    while last > 0 and (short:byte(last + 1) or 0) >= 128 and (short:byte(last + 1) or 0) < 192 do
      last = last - 1
    end
    short = short:sub(1, last)
  end
  return '"' .. short:gsub('[%z\1-\31"\\]', function(c)
    return escapes[c] or string.format("\\u%04x", c:byte())
  end) .. '"'
end

local order = { "from", "n", "object", "project", "run", "script", "text", "time", "to", "track", "v", "what" }

function spool.tell(script, project, fact)
  spool.n = spool.n + 1
  local members = {
    from = spool.quote(fact.from or ""),
    n = tostring(math.floor(spool.n)),
    object = spool.quote(fact.object or ""),
    project = spool.quote(project),
    run = spool.quote(spool.run),
    script = spool.quote(script),
    text = spool.quote(fact.text),
    time = spool.quote(os.date("!%Y-%m-%dT%H:%M:%SZ")),
    to = spool.quote(fact.to or ""),
    track = spool.quote(fact.track or ""),
    v = "0",
    what = spool.quote(fact.what),
  }
  local parts = {}
  for _, name in ipairs(order) do parts[#parts + 1] = '"' .. name .. '":' .. members[name] end
  local file = io.open(SPOOL .. "/" .. script .. "-" .. spool.run .. ".jsonl", "ab")
  if file == nil then return false end
  -- Nobody has taken what was told for long: no watch runs. The gap in n shows it.
  if (file:seek("end") or 0) < spool.most_bytes then
    file:write("{" .. table.concat(parts, ",") .. "}\n")
  end
  file:close()
  return true
end

local function decibels(gain)
  if gain <= 0 then return "-inf dB" end
  return string.format("%.1f dB", 20 * math.log(gain) / math.log(10))
end

local function word(flag) if flag then return "on" end return "off" end

-- A picture is { order = {id...}, things = { [id] = { name =, track =, values = {what = shown} } } }.
local function compare(old, new, tell)
  for _, id in ipairs(old.order) do
    local thing = old.things[id]
    if new.things[id] == nil then
      tell({ what = thing.kind .. ".removed", object = id, track = thing.track, from = thing.name,
        text = thing.label .. " removed" })
    end
  end
  for _, id in ipairs(new.order) do
    local thing, before = new.things[id], old.things[id]
    if before == nil then
      tell({ what = thing.kind .. ".added", object = id, track = thing.track, to = thing.name,
        text = thing.label .. " added" })
    else
      for _, what in ipairs(thing.whats) do
        local from, to = before.values[what], thing.values[what]
        if from ~= to then
          tell({ what = thing.kind .. "." .. what, object = id, track = thing.track, from = from,
            to = to, text = thing.label .. ": " .. what .. " " .. tostring(from) .. " -> " .. to })
        end
      end
    end
  end
end

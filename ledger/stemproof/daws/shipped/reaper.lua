-- stemproof for REAPER: tells what changes in the open project, as it happens.
-- It reads and never changes the project. Load it by Actions > New action > Load ReaScript.
local EVERY_S, STILL_S = 0.5, 1.0

local function picture()
  local made = { order = {}, things = {} }
  local function add(id, thing)
    made.order[#made.order + 1] = id
    made.things[id] = thing
  end
  for place = 0, reaper.CountTracks(0) - 1 do
    local track = reaper.GetTrack(0, place)
    local _, name = reaper.GetTrackName(track, "")
    local function value(what) return reaper.GetMediaTrackInfo_Value(track, what) end
    add(reaper.GetTrackGUID(track), {
      kind = "track", name = name, track = name, label = name,
      whats = { "name", "volume", "pan", "mute", "solo", "items" },
      values = {
        name = name,
        volume = decibels(value("D_VOL")),
        pan = string.format("%.2f", value("D_PAN")),
        mute = word(value("B_MUTE") ~= 0),
        solo = word(value("I_SOLO") ~= 0),
        items = tostring(math.floor(reaper.CountTrackMediaItems(track))),
      },
    })
    for slot = 0, reaper.TrackFX_GetCount(track) - 1 do
      local _, effect = reaper.TrackFX_GetFXName(track, slot, "")
      add(reaper.TrackFX_GetFXGUID(track, slot), {
        kind = "device", name = effect, track = name, label = name .. ": " .. effect,
        whats = { "enabled" }, values = { enabled = word(reaper.TrackFX_GetEnabled(track, slot)) },
      })
    end
  end
  add("tempo", {
    kind = "session", name = "", track = "", label = "Session", whats = { "tempo" },
    values = { tempo = string.format("%.3f bpm", reaper.Master_GetTempo()) },
  })
  return made
end

local project, count, last, since, looked = "", -1, nil, 0, 0

local function look(now)
  local _, path = reaper.EnumProjects(-1, "")
  if path ~= project or last == nil then
    -- Another project, or the same one opened anew: nothing was decided by that.
    project, count, last = path, reaper.GetProjectStateChangeCount(0), picture()
    since = nil
    return
  end
  local counted = reaper.GetProjectStateChangeCount(0)
  if counted ~= count then
    count, since = counted, now
  elseif since and now - since >= STILL_S then
    since = nil
    local new = picture()
    if project ~= "" then
      local told = 0
      compare(last, new, function(fact)
        told = told + 1
        spool.tell("reaper", project, fact)
      end)
      local label = reaper.Undo_CanUndo2(0)
      if told == 0 and label and label ~= "" then
        spool.tell("reaper", project, { what = "session.action", text = label })
      end
    end
    last = new
  end
end

local function loop()
  local now = reaper.time_precise()
  if now - looked >= EVERY_S then
    looked = now
    look(now)
  end
  reaper.defer(loop)
end

loop()

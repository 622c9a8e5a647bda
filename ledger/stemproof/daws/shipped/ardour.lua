-- stemproof for Ardour: tells what changes in the session, as it happens, and what is exported.
-- It reads and never changes the session. Edit > Lua Scripts > Script Manager > Action Hooks.
ardour {
  ["type"] = "EditorHook",
  name = "stemproof",
  author = "stemproof",
  description = "Tells stemproof what is decided in this session, as it happens.",
}

function signals()
  return LuaSignal.Set():add({ [LuaSignal.LuaTimerS] = true, [LuaSignal.Exported] = true })
end

function factory()
--@SPOOL@

  local function picture()
    local made = { order = {}, things = {} }
    local function add(id, thing)
      made.order[#made.order + 1] = id
      made.things[id] = thing
    end
    for route in Session:get_routes():iter() do
      local name = route:name()
      local values = {
        name = name,
        gain = decibels(route:gain_control():get_value()),
        mute = word(route:muted()),
        solo = word(route:soloed()),
      }
      local pan = route:pan_azimuth_control()
      values.pan = pan:isnil() and "" or string.format("%.2f", pan:get_value())
      add(route:to_stateful():id():to_s(), {
        kind = "track", name = name, track = name, label = name,
        whats = { "name", "gain", "pan", "mute", "solo" }, values = values,
      })
      local slot = 0
      while true do
        local plugin = route:nth_plugin(slot)
        if plugin:isnil() then break end
        local effect = plugin:display_name()
        add(plugin:to_stateful():id():to_s(), {
          kind = "device", name = effect, track = name, label = name .. ": " .. effect,
          whats = { "enabled" }, values = { enabled = word(plugin:active()) },
        })
        slot = slot + 1
      end
    end
    return made
  end

  local function project()
    return Session:path():gsub("/+$", "") .. "/" .. Session:snap_name() .. ".ardour"
  end

  local told, seen = picture(), nil

  return function(signal, ref, ...)
    if signal == LuaSignal.Exported then
      local _, path = ...
      local text = "exported " .. tostring(path)
      spool.tell("ardour", project(), { what = "session.exported", to = tostring(path), text = text })
      return
    end
    local new = picture()
    local moved = false
    -- A fader that is still being moved is told when it rests.
    if seen then compare(seen, new, function() moved = true end) end
    seen = new
    if not moved then
      compare(told, new, function(fact) spool.tell("ardour", project(), fact) end)
      told = new
    end
  end
end

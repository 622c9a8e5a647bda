-- As much of REAPER's API as the script uses, over a project that the test changes.
project = { path = "/songs/Song.rpp", tempo = 120, changes = 0, undo = "", tracks = {} }
now = 0
pending = nil

reaper = {
  EnumProjects = function(index, _) assert(index == -1) return "proj", project.path end,
  CountTracks = function(_) return #project.tracks end,
  GetTrack = function(_, place) return project.tracks[place + 1] end,
  GetTrackGUID = function(track) return track.guid end,
  GetTrackName = function(track, _) return true, track.name end,
  GetMediaTrackInfo_Value = function(track, what) return assert(track[what], what) end,
  CountTrackMediaItems = function(track) return track.items end,
  TrackFX_GetCount = function(track) return #track.effects end,
  TrackFX_GetFXName = function(track, slot, _) return true, track.effects[slot + 1].name end,
  TrackFX_GetFXGUID = function(track, slot) return track.effects[slot + 1].guid end,
  TrackFX_GetEnabled = function(track, slot) return track.effects[slot + 1].enabled end,
  GetProjectStateChangeCount = function(_) return project.changes end,
  Undo_CanUndo2 = function(_) if project.undo == "" then return nil end return project.undo end,
  Master_GetTempo = function() return project.tempo end,
  time_precise = function() return now end,
  defer = function(call) pending = call end,
}

function add_track(name, guid)
  local track = { guid = guid, name = name, D_VOL = 1.0, D_PAN = 0.0, B_MUTE = 0.0, I_SOLO = 0.0,
    items = 0, effects = {} }
  project.tracks[#project.tracks + 1] = track
  project.changes = project.changes + 1
  return track
end

-- Let time pass as REAPER does: some thirty calls a second.
function pass(seconds)
  local last = now + seconds
  while now < last do
    now = now + 0.033
    local call = pending
    pending = nil
    call()
  end
end

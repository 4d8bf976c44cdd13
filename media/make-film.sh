#!/usr/bin/env bash
# Makes headwater.mp4, the film that the demonstration stores: 20 seconds, drawn and composed by
# ffmpeg (5.1, libx264) from formulas alone, so that it is ours to give away. It was run once and
# its result is committed; another version of ffmpeg writes other bytes of the same film.
set -euo pipefail
cd "$(dirname "$0")"

picture="gradients=size=960x540:rate=25:duration=20:speed=0.02:nb_colors=5:seed=7:type=spiral"
picture+=":c0=0x0b3954:c1=0x087e8b:c2=0xbfd7ea:c3=0x3a7d44:c4=0x143642"

# A slow G major chord, a little apart in both ears, and one struck tone on each side.
left="0.16*(sin(2*PI*196*t)+sin(2*PI*246.94*t)+sin(2*PI*293.66*t)*(0.6+0.4*sin(2*PI*t/5))"
left+="+0.7*sin(2*PI*392*t)*exp(-2*mod(t\,1.25))+0.5*sin(2*PI*587.33*t)*exp(-3*mod(t+0.625\,2.5)))"
right="0.16*(sin(2*PI*196.4*t)+sin(2*PI*247.2*t)+sin(2*PI*293.9*t)*(0.6+0.4*cos(2*PI*t/5))"
right+="+0.7*sin(2*PI*493.88*t)*exp(-2*mod(t+0.3\,1.25))+0.5*sin(2*PI*783.99*t)*exp(-3*mod(t\,2.5)))"

title="drawtext=text='headwater':fontsize=84:fontcolor=white@0.92:x=(w-tw)/2:y=(h-th)/2-20:alpha='min(1,t/2)'"
clock="drawtext=text='%{pts\:hms}':fontsize=30:fontcolor=white@0.8:x=(w-tw)/2:y=h-80"

ffmpeg -hide_banner -loglevel error -y \
    -f lavfi -i "$picture" \
    -f lavfi -i "aevalsrc='$left|$right':s=48000:d=20" \
    -vf "$title,$clock,fade=t=in:d=1,fade=t=out:st=19:d=1" \
    -af "afade=t=in:d=1.5,afade=t=out:st=18:d=2" \
    -c:v libx264 -preset slow -crf 17 -pix_fmt yuv420p -profile:v high -g 50 \
    -c:a aac -b:a 128k -movflags +faststart \
    -map_metadata -1 -metadata title="Headwater test film" \
    headwater.mp4

#!/bin/busybox sh
# The first process of the emulated machine: starts each server, loads it, and says on the console what
# a request took. /plan, which emulated.py writes, calls `measure` for each server and load, and `ceiling`
# for each script.
#
#     RESULT NAME:TITLE:REQUESTS:SERVER:MACHINE      instructions of the server, and all, during REQUESTS requests
#     FAILED NAME:TITLE:REASON

export PATH=/bin:/usr/bin:/sbin:/usr/sbin

START_TRIES=100
WARM_UP_SECONDS=1
LOAD_SECONDS=2

/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ifconfig lo 127.0.0.1 up
ulimit -n 30000

# A process and all below it.
tree() {
    echo "$1"
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
}

# CPU nanoseconds of a process and all below it, the kernel's work for them included.
nanoseconds() {
    for pid in $(tree "$1"); do cat /proc/"$pid"/task/*/schedstat; done 2>/dev/null |
        awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# What the processor has done for any process.
machine() { awk '/^cpu0 / { print $8 }' /proc/schedstat; }

# The client comes before the server: it takes each answer and sends the next request at once, so that
# chance does not decide how many requests a server finds when it looks.
load() {
    chrt -f 50 wrk -t1 -c"$connections" -d"$1"s "$2" >/tmp/wrk 2>&1
    sleep 0.3 # Until the server has seen the connections close.
}

answer_length() {
    wget -q -O - "$1" 2>/dev/null | wc -c
}

# measure NAME PORT TITLE FILE LENGTH CONNECTIONS COMMAND...
measure() {
    name=$1 port=$2 title=$3 file=$4 length=$5 connections=$6
    shift 6
    url=http://127.0.0.1:$port/$file
    folder=/srv/$name
    rm -f "$folder"/*.log
    "$@" >"$folder/stderr" 2>&1 &
    server=$!
    if problem=$(wait_for_answer); then
        count
    else
        echo "FAILED $name:$title:$problem"
    fi
    stop
}

wait_for_answer() {
    tries=0
    while found=$(answer_length "$url"); [ "$found" != "$length" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt $START_TRIES ] || [ ! -d /proc/$server/fd ]; then
            echo "no answer of $length bytes, the last had $found:" \
                "$(cat "$folder"/*.log "$folder/stderr" 2>/dev/null | tail -n 1)"
            return 1
        fi
        sleep 0.1
    done
}

count() {
    load $WARM_UP_SECONDS "$url"
    before=$(nanoseconds $server) all=$(machine)
    load $LOAD_SECONDS "$url"
    all=$(($(machine) - all)) after=$(nanoseconds $server)
    requests=$(awk '/requests in/ { print $1 }' /tmp/wrk)
    errors=$(grep -E 'Non-2xx|Socket errors' /tmp/wrk)
    if [ -n "$errors" ] || [ "${requests:-0}" -eq 0 ]; then
        echo "FAILED $name:$title:${errors:-no answers}"
    else
        echo "RESULT $name:$title:$requests:$((after - before)):$all"
    fi
}

stop() {
    pids=$(tree $server)
    kill $server 2>/dev/null
    wait $server 2>/dev/null
    sleep 0.5 # lighttpd's worker outlives its master, and writes out its log.
    for pid in $pids; do kill -9 "$pid"; done 2>/dev/null
    if [ -f "$folder/access.log" ] && [ "$(wc -l <"$folder/access.log")" -lt "${requests:-0}" ]; then
        echo "FAILED $name:$title:fewer lines in the access log than answers"
    fi
    requests=0
}

# ceiling TITLE PROGRAM VARIABLE...
ceiling() {
    title=$1 program=$2
    shift 2
    all=$(machine)
    scripts=$(env -i "$@" /bin/spawnloop $LOAD_SECONDS 1 "$program" | grep -o '"scripts": [0-9]*' | grep -o '[0-9]*')
    all=$(($(machine) - all))
    if [ "${scripts:-0}" -gt 0 ]; then
        echo "RESULT spawnloop:$title:$scripts:0:$all"
    else
        echo "FAILED spawnloop:$title:it ran no script"
    fi
}

. /plan
echo o >/proc/sysrq-trigger
sleep 60

"""Plays a published master.m3u8 in Debian's Chromium, seeks in it, and prints what the browser says as JSON.

Usage: play_in_browser.py URL-OF-MASTER SEEK-SECONDS
"""
import json
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

master, seek = sys.argv[1], float(sys.argv[2])
options = webdriver.ChromeOptions()
options.binary_location = "/usr/bin/chromium"
for argument in (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
):
    options.add_argument(argument)
driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
try:
    driver.set_script_timeout(60)
    # A page of the same origin, so that nothing but the playlist itself is tried.
    driver.get(master.split("/stream/")[0] + "/livez")
    print(json.dumps(driver.execute_async_script(
        """
        const [url, seek, done] = [arguments[0], arguments[1], arguments[2]];
        const audio = document.createElement('audio');
        const fail = (why) => done({error: why, code: audio.error && audio.error.code, message: audio.error && audio.error.message});
        setTimeout(() => fail('time is up'), 50000);
        audio.addEventListener('error', () => fail('the element reports an error'));
        const played = (from, then) => {
          const look = () => audio.currentTime > from + 0.3 ? then() : setTimeout(look, 50);
          look();
        };
        audio.addEventListener('loadedmetadata', () => audio.play().catch((error) => fail(String(error))), {once: true});
        audio.src = url;
        document.body.append(audio);
        played(0, () => {
          audio.addEventListener('seeked', () => {
            const reached = audio.currentTime;
            played(reached, () => done({duration: audio.duration, seekedTo: reached, currentTime: audio.currentTime}));
          }, {once: true});
          audio.currentTime = seek;
        });
        """, master, seek)))
finally:
    driver.quit()

//! Posters and thumbnails.

use std::time::Duration;

use publishing::encode::{PictureError, poster, strip};

use crate::workshop::{Pixels, Workshop};

const COLOURS: &str = "-f lavfi -i color=red:s=320x240:r=10:d=1 -f lavfi -i color=lime:s=320x240:r=10:d=1 \
                       -f lavfi -i color=blue:s=320x240:r=10:d=1 -filter_complex concat=n=3 -c:v libx264 -preset ultrafast";

#[tokio::test]
async fn a_poster_is_the_picture_shown_then() {
    let shop = Workshop::new().await;
    let film = shop.probe(&shop.clip("film.mp4", COLOURS)).await;
    for (at, colour) in [(0, "red"), (1500, "green"), (2900, "blue")] {
        let jpeg = poster(&shop.tools, &film, Duration::from_millis(at)).await.unwrap();
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]));
        let (pixels, size) = Pixels::of(&shop, &jpeg);
        assert_eq!((size.as_str(), pixels.colour(160, 120)), ("320x240", colour));
    }
    let error = poster(&shop.tools, &film, Duration::from_mins(1)).await.unwrap_err();
    assert!(matches!(error, PictureError::NothingThere { .. }), "{error}");
}

#[tokio::test]
async fn thumbnails_show_their_stretch() {
    let shop = Workshop::new().await;
    let film = shop.probe(&shop.clip("film.mp4", COLOURS)).await;
    let strip = strip(&shop.tools, &film).await.unwrap();
    assert_eq!((strip.columns.get(), strip.rows.get(), strip.count.get()), (3, 1, 3));
    assert_eq!((strip.width.get(), strip.height.get(), strip.every_ms.get()), (160, 120, 1000));
    let (pixels, size) = Pixels::of(&shop, &strip.jpeg);
    assert_eq!(size, "480x120");
    assert_eq!([80, 240, 400].map(|x| pixels.colour(x, 60)), ["red", "green", "blue"]);
}

#[tokio::test]
async fn long_films_have_a_hundred_thumbnails_of_keyframes() {
    let shop = Workshop::new().await;
    // It becomes brighter all the time.
    let film = shop.clip(
        "long.mp4",
        "-f lavfi -i color=black:s=64x48:r=1:d=1010,geq=lum='16+T/5':cb=128:cr=128 -c:v libx264 -preset ultrafast -g 10",
    );
    let probe = shop.probe(&film).await;
    let strip = strip(&shop.tools, &probe).await.unwrap();
    assert_eq!((strip.columns.get(), strip.rows.get(), strip.count.get()), (10, 10, 100));
    assert_eq!((strip.width.get(), strip.height.get(), strip.every_ms.get()), (64, 48, 10_100));
    let (pixels, size) = Pixels::of(&shop, &strip.jpeg);
    assert_eq!(size, "640x480");
    let brightness: Vec<i32> =
        (0..100).map(|place| i32::from(pixels.at(place % 10 * 64 + 32, place / 10 * 48 + 24)[1])).collect();
    for (place, bright) in (0..100).zip(&brightness) {
        // Video's 16 to 235 are a picture's 0 to 255.
        let expected = (place * 10_100 + 5_050) * 255 / (5 * 1000 * 219);
        assert!((bright - expected).abs() <= 8, "thumbnail {place}: {bright}, not {expected}");
    }
}

#[tokio::test]
async fn albums_show_their_cover_and_mere_sound_nothing() {
    let shop = Workshop::new().await;
    shop.clip("cover.png", "-f lavfi -i color=lime:s=2000x1000 -frames:v 1");
    shop.clip("plain.mp3", "-f lavfi -i sine=440:d=1");
    let album =
        shop.clip("album.mp3", "-i plain.mp3 -i cover.png -map 0 -map 1 -c copy -disposition:v attached_pic");
    let album = shop.probe(&album).await;
    assert!(album.videos.is_empty() && album.cover.is_some());
    let jpeg = poster(&shop.tools, &album, Duration::from_secs(5)).await.unwrap();
    let (pixels, size) = Pixels::of(&shop, &jpeg);
    assert_eq!((size.as_str(), pixels.colour(640, 320)), ("1280x640", "green"));
    let error = strip(&shop.tools, &album).await.unwrap_err();
    assert!(matches!(error, PictureError::NoPicture { .. }), "{error}");

    let plain = shop.probe(&shop.path().join("plain.mp3")).await;
    let error = poster(&shop.tools, &plain, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, PictureError::NoPicture { .. }), "{error}");
}

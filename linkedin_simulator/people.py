"""What a profile holds: everything is derived from the person's id by a hash (domain: 200 body)."""

from dataclasses import dataclass
from hashlib import blake2b
from zlib import crc32

from linkedin_simulator.names import FIRST_NAMES, LAST_NAMES, names_in


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


_TITLES = _phrases(
    "CTO|CEO|Founder & CEO|VP Engineering|Head of Data|Head of Sales|Account Executive|"
    "Product Manager|Software Engineer|Staff Engineer|Talent Partner|Marketing Manager|"
    "Geschäftsführer|Ingeniero de software|Chef de projet|Data Scientist|UX Designer|Controller"
)
_COMPANIES = _phrases(
    "Analytical Engines|Northwind|Contoso|Norris, White and Diaz|Saunders PLC|Page-Owen|Lemonnier|"
    "Neveu|Weber GmbH & Co. KG|Kowalski i Wspólnicy|Nordlys AS|Açaí Foods|Blue Harbour|"
    "株式会社ひかり|Петров и сыновья|Hopper Systems|Lakeside Robotics|Iberia Logística"
)
_PLACES = _phrases(
    "London, UK|Berlin, Germany|Paris, France|Madrid, Spain|Warsaw, Poland|Lisbon, Portugal|"
    "São Paulo, Brazil|Istanbul, Türkiye|Tokyo, Japan|Bengaluru, India|Toronto, Canada|"
    "New York, United States|Austin, Texas, United States|Stockholm, Sweden|Zürich, Switzerland"
)
_FADING = _phrases(
    "headline|location|profile_picture_url|profile_picture_url_large|member_urn|"
    "public_profile_url|shared_connections_count|network_distance|is_relationship|"
    "work_experience|public_identifier"
)
# Out of network are only those who come back without names.
_DISTANCES = ("FIRST_DEGREE",) * 6 + ("SECOND_DEGREE",) * 8 + ("THIRD_DEGREE",) * 6
_UNIT = 1 << 32

Profile = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Population:
    """How many people are awkward, and how long their pictures live.

    Attributes:
        null_share: share of people (0 to 1) with one to four fields null.
        private_share: share of people (0 to 1) who come back without names.
        picture_seconds: life of a signed picture URL, in seconds.
    """

    null_share: float
    private_share: float
    picture_seconds: int

    def profile(
        self, *, tail: str, vanity: str, account_id: str, now_ms: int, by_vanity: bool
    ) -> Profile:
        """The whole profile of a person as one account sees it.

        Args:
            tail: the provider id without `ACoAA`.
            vanity: the public identifier.
            account_id: the viewing account; degree and shared connections depend on it.
            now_ms: the time, which the expiry of picture URLs depends on.
            by_vanity: whether the vanity was asked for, in which case it is never null.
        """
        seed = blake2b(tail.encode(), digest_size=40, person=b"profile").digest()
        first, last = names_in(vanity) or (_pick(FIRST_NAMES, seed[0]), _pick(LAST_NAMES, seed[1]))
        jobs = _jobs(seed)
        current = next((job for job in jobs if job["end"] is None), jobs[0])
        seen = crc32(tail.encode(), crc32(account_id.encode()))
        distance = _DISTANCES[seen % len(_DISTANCES)]
        picture = _picture(seed=seed, expiry=now_ms // 1000 + self.picture_seconds)
        profile: Profile = {
            "object": "UserProfile",
            "provider": "LINKEDIN",
            "provider_id": "ACoAA" + tail,
            "public_identifier": vanity,
            # 53 bits: a number that JSON readers keep exact and that no two people share.
            "member_urn": str(int.from_bytes(seed[20:27]) >> 3),
            "first_name": first,
            "last_name": last,
            "headline": f"{current['position']} at {current['company']}",
            "location": _pick(_PLACES, seed[2]),
            "profile_picture_url": picture.replace("800_800", "100_100"),
            "profile_picture_url_large": picture,
            "is_relationship": distance == "FIRST_DEGREE",
            "network_distance": distance,
            "public_profile_url": f"https://www.linkedin.com/in/{vanity}",
            "shared_connections_count": (seen >> 8) % 60,
            "work_experience": jobs,
            "throttled_sections": [],
        }
        if int.from_bytes(seed[27:31]) < self.private_share * _UNIT:
            hide_names(profile)
        if int.from_bytes(seed[31:35]) < self.null_share * _UNIT:
            _fade(profile, seed=seed, keep="public_identifier" if by_vanity else "")
        return profile


def hide_names(profile: Profile) -> None:
    """Make it the profile of a private or out-of-network member: "LinkedIn Member", no names."""
    profile["first_name"] = profile["last_name"] = None
    profile["headline"] = "LinkedIn Member"
    profile["network_distance"] = "OUT_OF_NETWORK"
    profile["is_relationship"] = False
    profile["shared_connections_count"] = 0


def _fade(profile: Profile, *, seed: bytes, keep: str) -> None:
    for byte in seed[35 : 36 + seed[39] % 4]:
        if (field := _pick(_FADING, byte)) != keep:
            profile[field] = None


def _jobs(seed: bytes) -> list[dict[str, str | None]]:
    """One to three jobs, the newest first; one person in 32 has none that goes on."""
    jobs: list[dict[str, str | None]] = []
    end: str | None = None if seed[3] % 32 else f"{1 + seed[4] % 12}/1/2025"
    year = 2024
    for number in range(1 + seed[5] % 3):
        year -= 1 + seed[6 + number] % 4
        start = f"{1 + seed[9 + number] % 12}/1/{year}"
        company = seed[12 + number]
        jobs.append(
            {
                "position": _pick(_TITLES, seed[15 + number]),
                "company": _pick(_COMPANIES, company),
                "company_id": str(1_000_000 + company % len(_COMPANIES)),
                "location": _pick(_PLACES, seed[2] + number),
                "start": start,
                "end": end,
            }
        )
        end = start
    return jobs


def _picture(*, seed: bytes, expiry: int) -> str:
    name = seed[18:28].hex()
    return (
        f"https://media.licdn.com/dms/image/v2/{name}/profile-displayphoto-shrink_800_800/0/"
        f"photo?e={expiry}&v=beta&t={seed[28:36].hex()}"
    )


def _pick(choices: tuple[str, ...], number: int) -> str:
    return choices[number % len(choices)]

"""Names that could hang over a door in each market: built from parts, so that no real firm or human is meant."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from crm.demo.chance import Dice


def _words(line: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in line.split(","))


@dataclass(frozen=True)
class Parts:
    """What a market's companies and humans are called; `pattern` says how a company's parts are put together."""

    firsts: tuple[str, ...]
    kinds: tuple[str, ...]
    cities: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    phone: str
    pattern: str = "{first} {kind}"
    in_city: str = "{name} {city}"
    suffixes: tuple[str, ...] = ("Group", "& Sons", "Holding", "Express")


_GULF_FIRSTS = _words(
    "Al Noor, Al Waha, Al Bustan, Al Marsa, Gulf Star, Desert Rose, Al Safa, Golden Dune, Al Manara, Blue Creek, Pearl Coast, Al Rawda, Falcon, Coral Bay,"
    " Silver Oasis, Al Naseem, Palm Gate, Al Murjan, Crescent, Al Fajr, Sahara, Seven Dunes, Al Majd, Date Garden, Al Sahel, Harbour View, Al Reem,"
    " North Star,"
    " Al Diyar, Amber Sands, Al Khaleej Fresh, Royal Palm, Al Wadi, Sunrise, Al Baraka Fresh, Emerald, Al Yasmin, Corniche, Al Shorouk, Blue Anchor"
)
_GULF_KINDS = _words(
    "Trading, Foodstuff, Hypermarket, Catering, Restaurants, Cash & Carry, Hotel Supplies, Sweets, Bakery, Roastery, Fresh Market, General Trading,"
    " Supermarket,"
    " Kitchens, Hospitality, Distribution, Wholesale, Coffee House, Grill, Mart, Delicatessen, Fine Foods, Gourmet, Provisions"
)
_GULF_GIVEN = _words(
    "Ahmed, Fatima, Khalid, Noura, Hassan, Maryam, Saeed, Aisha, Yousef, Huda, Majid, Reem, Faisal, Latifa, Sultan, Amal, Tariq, Sara, Rajesh,"
    " Anita, Imran, Joy,"
    " Bilal, Deepa, Nasser, Lina, Waleed, Sunil, Hamad, Muna"
)
_GULF_FAMILY = _words(
    "Al Mansoori, Al Harbi, Al Shamsi, Al Otaibi, Al Mutairi, Rahman, Al Ketbi, Nair, Al Qahtani, Siddiqui, Al Suwaidi, Al Dosari, Kumar, Al Enezi, Qureshi,"
    " Al Hashimi, Fernandes, Al Ghamdi, Al Rashidi, Pillai, Al Zaabi, Al Balushi, Hussain, Santos"
)
_LEVANT_FIRSTS = _words(
    "Petra, Jasmine, Cedar, Zaytouna, Old Souk, Al Balad, Jerash, Nile, Delta, Lotus, Karnak, Rum Valley, Olive Hill, Al Quds Street, Pyramids,"
    " Al Ahram Fresh,"
    " Damascus Gate, Papyrus, Al Fustat, Citadel, Dead Sea, Seven Hills, White Dove, Corniche, Al Karam, Rosetta, Almond Tree, Saffron, Sphinx, Al Zahra,"
    " Blue Nile, Golden Wheat, Al Haram, Pomegranate, Hidden Spring, Sunflower, Al Nakheel, Mosaic, Silver Cup, Garden City"
)
_LEVANT_KINDS = _words(
    "Supplies, Foods, Mart, Trading, Restaurants, Bakeries, Patisserie, Sweets, Roastery, Catering, Distribution, Wholesale, Hotels, Kitchens,"
    " Supermarkets, Grills,"
    " Hospitality, Provisions, Falafel House, Fresh Foods, Cafés, Cash & Carry, Dairy, Import & Export"
)
_LEVANT_GIVEN = _words(
    "Ahmad, Rania, Mahmoud, Dina, Khaled, Heba, Mostafa, Nour, Sherif, Mariam, Laith, Yara, Amr, Rasha, Hani, Ghada, Zaid, Layla, Fadi, Nesma,"
    " Ramy, Hala, Issa, Mai"
)
_LEVANT_FAMILY = _words(
    "Abdallah, El Sayed, Haddadin, Mansour, Khoury, Hegazy, Majali, Nasr, Shawky, Qasem, Farag, Zoubi, Aziz, Badr, Hamdan, Salem, Younis, Tawfik,"
    " Rizk, Obeidat, Fawzy, Darwish"
)

MARKET_PARTS: dict[str, Parts] = {
    "AE": Parts(_GULF_FIRSTS, _GULF_KINDS, _words("Dubai, Deira, Sharjah, Abu Dhabi, Al Ain, Ajman, Ras Al Khaimah"), _GULF_GIVEN, _GULF_FAMILY, "+971 4 55"),
    "SA": Parts(_GULF_FIRSTS, _GULF_KINDS, _words("Riyadh, Jeddah, Dammam, Khobar, Madinah, Taif, Abha"), _GULF_GIVEN, _GULF_FAMILY, "+966 11 55"),
    "KW": Parts(_GULF_FIRSTS, _GULF_KINDS, _words("Salmiya, Hawally, Kuwait City, Fahaheel, Jahra"), _GULF_GIVEN, _GULF_FAMILY, "+965 2255"),
    "JO": Parts(_LEVANT_FIRSTS, _LEVANT_KINDS, _words("Amman, Irbid, Zarqa, Aqaba, Madaba, Salt"), _LEVANT_GIVEN, _LEVANT_FAMILY, "+962 6 55"),
    "EG": Parts(_LEVANT_FIRSTS, _LEVANT_KINDS, _words("Cairo, Giza, Alexandria, Maadi, Mansoura, Luxor, Heliopolis"), _LEVANT_GIVEN,
    _LEVANT_FAMILY, "+20 2 255"),
    "GB": Parts(
        _words(
            "Ashdown, Copper Kettle, Millbrook, Harrowgate, Thistle & Oak, Old Forge, Kingsway, Larkfield, Penrose, Blackthorn, Riverside,"
            " Fairmead, Hollybush, Stonebridge,"
            " Wren & Finch, Foxley, Bramble, Saltmarsh, Whitcombe, Cobbler's Row, Marlow Lane, Redgate, Elder & Vine, Northcote, Tidewater,"
            " Hazelmere, Langford, Quayside,"
            " Pepper Street, Oakhurst, Beacon Hill, Wildmoor, Ivy Court, Castlegate, Swanley, Highfield, Plumtree, Rookery, Three Barrels, Sable"
        ),
        _words(
            "Foods, Deli, Bakery, Provisions, Catering, Wholesale, Farm Shop, Kitchens, Larder, Fine Foods, Tea Rooms, Coffee Roasters, Hotels,"
            " Restaurants, Pantry,"
            " Grocers, Food Halls, Inns, Brasserie, Distribution, Markets, Events, Cheesemongers, Butchers"
        ),
        _words("London, Leeds, Bristol, Manchester, Glasgow, Bath, York, Norwich"),
        _words("James, Emily, Daniel, Sophie, Callum, Charlotte, Ravi, Megan, Thomas, Amelia, Owen, Priya, Harry, Lucy, Imogen, Ben, Zara, Ewan,"
        " Katie, Adam"),
        _words("Whitfield, Ashworth, Patel, Doyle, Mercer, Hughes, Barlow, Sinclair, Okafor, Reid, Thornton, Kaur, Lowe, Fletcher, Byrne, Marsh,"
        " Holt, Grant, Pearce, Ellis"),
        "+44 1632 96", suffixes=("Group", "& Co", "Ltd", "UK"),
    ),
    "DE": Parts(
        _words(
            "Hofmann, Lindner, Alte Mühle, Nordstern, Brückner, Goldähre, Rosengarten, Kaiserhof, Bergmann, Sonnenhof, Winterfeld, Am Markt,"
            " Drei Linden, Seeblick, Steinbach,"
            " Waldkauz, Blumenthal, Hansekontor, Reuter, Eichenhof, Schwanenhof, Kornblume, Falkenberg, Grünwald, Ostseeperle, Schlossberg,"
            " Habermann, Rheingold, Silberdistel,"
            " Ackermann, Morgenrot, Kupferkessel, Lorenz, Weinberg, Zur Post, Elbufer, Kranich, Vogelsang, Marienhof, Altstadt"
        ),
        _words(
            "Feinkost, Großhandel, Backwaren, Gastronomie, Catering, Lebensmittel, Hotels, Kaffeerösterei, Frischemarkt, Konditorei, Biomarkt,"
            " Bäckerei, Gasthaus, Delikatessen,"
            " Handels GmbH, Molkerei, Markthalle, Gastroservice, Weinhandel, Hofladen, Küche, Naturkost, Getränke, Metzgerei"
        ),
        _words("Hamburg, Berlin, München, Köln, Leipzig, Bremen, Stuttgart, Dresden"),
        _words("Lukas, Anna, Felix, Lena, Jan, Katharina, Tobias, Miriam, Stefan, Julia, Emre, Sabine, Florian, Nina, Matthias, Leonie, Ayşe,"
        " Moritz, Claudia, Sven"),
        _words("Hartmann, Schubert, Krause, Vogt, Yılmaz, Seidel, Engel, Arnold, Pohl, Bauer, Ziegler, Kuhn, Jansen, Busch, Winkler, Roth, Thoma,"
        " Albrecht, Sommer, Dietrich"),
        "+49 30 555", suffixes=("GmbH", "& Söhne", "KG", "Gruppe"),
    ),
    "PL": Parts(
        _words(
            "Złoty Kłos, Pod Lipą, Stary Młyn, Bursztyn, Nowak i Syn, Zielony Sad, Wisła, Tatrzańska, Biały Orzech, Królewska, Dobra Spiżarnia,"
            " Mazurska, Pod Orłem, Słoneczna,"
            " Kasztanowa, Polna Droga, Bałtyk, Stara Piekarnia, Wierzba, Krakowskie Smaki, Leśna Polana, Czerwona Porzeczka, Jarzębina, Morska,"
            " Srebrna, Cztery Pory, Malinowa,"
            " Górska, Ogrodowa, Makowa"
        ),
        _words(
            "Delikatesy, Hurtownia, Piekarnia, Catering, Restauracje, Cukiernia, Sklepy, Gastro, Hotele, Palarnia, Handel, Smaki, Dystrybucja,"
            " Kawiarnie, Wędliny, Nabiał,"
            " Targ, Kuchnia, Spożywcze, Zajazd"
        ),
        _words("Warszawa, Kraków, Gdańsk, Wrocław, Poznań, Łódź, Lublin"),
        _words("Piotr, Agnieszka, Tomasz, Magda, Paweł, Ewa, Michał, Joanna, Krzysztof, Kasia, Bartek, Monika, Adam, Zofia, Łukasz, Dorota"),
        _words("Wiśniewski, Kamińska, Zieliński, Wójcik, Mazur, Krawczyk, Dudek, Pawlak, Sikora, Baran, Lis, Kubiak, Górska, Sobczak, Czarnecki, Wilk"),
        "+48 22 555", pattern="{kind} {first}", suffixes=("Sp. z o.o.", "Premium", "Plus"),
    ),
    "KE": Parts(
        _words(
            "Savannah, Acacia, Mara, Jua Kali Street, Baobab, Rift Valley, Uhuru Gardens, Tembo, Kilele, Simba Court, Twiga, Coast Breeze,"
            " Highlands, Zawadi, Maua, Ngong Hills,"
            " Safari Road, Tumaini, Amani, Lakeside, Karibu, Chui, Mlima, Sunbird, Bahari, Jamii, Kahawa, Nyota, Mzuri, Flamingo"
        ),
        _words(
            "Supermarkets, Foods, Wholesalers, Lodge, Catering, Bakery, Distributors, Hotels, Grocers, Coffee House, Restaurants, Traders,"
            " Fresh Produce, Kitchens, Mart,"
            " Provisions, Butchery, Dairy, Enterprises, Stores"
        ),
        _words("Nairobi, Mombasa, Kisumu, Nakuru, Eldoret, Thika, Malindi"),
        _words("Wanjiku, Peter, Achieng, Kevin, Njeri, Brian, Mercy, Kiprono, Esther, Dennis, Akinyi, Joseph, Naomi, Collins, Lilian, Abdi"),
        _words("Kamau, Odhiambo, Mutua, Cheruiyot, Njoroge, Wekesa, Hassan, Kariuki, Onyango, Muthoni, Kibet, Maina, Barasa, Nyambura, Korir, Juma"),
        "+254 20 255", suffixes=("Group", "& Sons", "Express", "East Africa"),
    ),
    "ZA": Parts(
        _words(
            "Table Bay, Protea, Fynbos, Karoo, Drakensberg, Jacaranda, Blue Crane, Kloof Street, Umhlanga, Veld & Vine, Springbok Road, Cape Fig,"
            " Rooibos Hill, Golden Reef, Tidal,"
            " Ubuntu, Marula, Lions Gate, Stellen, Msenge, Zambezi, Sugarbird, Harbour House, Highveld, Olive Grove, Wild Coast, Berg River,"
            " Indaba, Sunland, Kingfisher"
        ),
        _words(
            "Foods, Deli, Wholesale, Butchery, Bakery, Catering, Hotels, Wine & Food, Restaurants, Grocers, Distributors, Trading, Farm Stall,"
            " Kitchens, Coffee Roasters, Markets,"
            " Cash & Carry, Hospitality, Superettes, Provisions"
        ),
        _words("Cape Town, Durban, Johannesburg, Pretoria, Sandton, Gqeberha, Stellenbosch"),
        _words("Sipho, Lerato, Johan, Nomsa, Pieter, Ayesha, Thabo, Zanele, Willem, Naledi, Kagiso, Anel, Bongani, Chantal, Riaan, Palesa"),
        _words("Dlamini, Botha, Naidoo, Mokoena, van Wyk, Khumalo, Pillay, Jacobs, Mthembu, Steyn, Sithole, Adams, Govender, Molefe, Venter, Zulu"),
        "+27 21 555", suffixes=("Group", "& Sons", "(Pty) Ltd", "Southern"),
    ),
    "MA": Parts(
        _words(
            "Atlas, Menara, Zitoun, Riad Bleu, Ourika, Essaouira, Argan, Kasbah, Palmeraie, Safran, Jardin Vert, Médina, Toubkal, Oasis,"
            " Rose du Dadès, Al Andalous, Chellah, Sirocco,"
            " Amandier, Bab Doukkala, Soleil, Mimosa, Figuier, Océan, Volubilis, Anfa, Majorelle, Saphir, Hassan Gate, Étoile"
        ),
        _words(
            "Distribution, Alimentation, Traiteur, Pâtisserie, Hôtels, Restaurants, Épicerie, Boulangerie, Négoce, Supermarchés, Café,"
            " Torréfaction, Primeurs, Import, Gastronomie,"
            " Riads, Marché, Produits Frais, Saveurs, Grossiste"
        ),
        _words("Casablanca, Rabat, Marrakech, Fès, Tanger, Agadir, Meknès"),
        _words("Mehdi, Salma, Karim, Imane, Rachid, Nadia, Hamza, Zineb, Omar, Kenza, Anas, Loubna, Younes, Hajar, Driss, Samira"),
        _words("Benali, El Idrissi, Tazi, Bennani, Alaoui, Chraibi, Lahlou, Berrada, Fassi, Mansouri, Naciri, Zerouali, Kabbaj, Ouazzani, Sefrioui,"
        " Haddaoui"),
        "+212 522 55", suffixes=("Group", "& Fils", "SARL", "Maroc"),
    ),
}  # fmt: skip

TITLES = _words(
    "Purchasing manager, Owner, General manager, Head chef, Buyer, Operations director, Food & beverage manager, Category manager,"
    " Procurement lead, Finance manager"
)
SEGMENTS = (
    (("bak", "backwaren", "patiss", "piekar", "boulang", "konditor", "cukier", "sweets"), "Bakery"),
    (("hotel", "lodge", "inns", "riads", "hospitality", "gasthaus", "zajazd"), "Hotel"),
    (("cater", "traiteur", "events", "kitchen", "kuch"), "Catering"),
    (("coffee", "cafe", "kawiar", "roast", "kaffee", "palarnia", "torref", "tea-rooms"), "Café"),
    (("restau", "grill", "falafel", "gastro", "brasserie"), "Restaurant"),
    (("whole", "grosshandel", "hurtow", "distri", "dystry", "cash-carry", "trading", "traders", "negoce", "import", "handel", "supplies",
    "grossiste"), "Wholesale"),
)  # fmt: skip
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_SPELLED = str.maketrans({"ß": "ss", "ł": "l", "Ł": "l", "ı": "i", "ø": "o"})


def plain(name: str) -> str:
    """The name as it would stand in a web address: "Złoty Kłos" -> "zloty-klos"."""
    bare = unicodedata.normalize("NFKD", name.translate(_SPELLED)).encode("ascii", "ignore").decode().lower()
    return _NOT_PLAIN.sub("-", bare).strip("-")


@dataclass
class CompanyNames:
    """Company names that do not repeat while their parts last."""

    _taken: set[str] = field(default_factory=set)

    def next(self, market: str, rng: Dice) -> str:
        parts = MARKET_PARTS[market]
        name = ""
        for attempt in range(6):
            name = parts.pattern.format(first=rng.one(parts.firsts), kind=rng.one(parts.kinds))
            if attempt > 0 or rng.random() < 0.25:
                name = parts.in_city.format(name=name, city=rng.one(parts.cities))
            if attempt > 2 or rng.random() < 0.12:
                name = f"{name} {rng.one(parts.suffixes)}"
            if name not in self._taken:
                break
        self._taken.add(name)
        return name


def segment(company: str) -> str:
    """What kind of customer a company's name promises."""
    bare = plain(company)
    return next((found for words, found in SEGMENTS if any(word in bare for word in words)), "Retail")


def human(market: str, rng: Dice) -> tuple[str, str]:
    """A given and a family name."""
    parts = MARKET_PARTS[market]
    return rng.one(parts.given), rng.one(parts.family)


def phone(market: str, rng: Dice) -> str:
    return f"{MARKET_PARTS[market].phone}{int(rng.random() * 10)} {int(rng.random() * 10_000):04d}"

"""The facts that tiny-atlas learns, all of them true. Data only: no sentence is written here.

Every answer is a single word, so that it can be a single token; places whose city or country takes two words
are left out for that reason, and so are landmarks whose name gives the answer away. 'America' stands for the
United States, England and Scotland for the two countries of Great Britain, 'Rio' for Rio de Janeiro. Where a
country speaks several languages, the one with most speakers or the official one is given.
"""

# city, country: landmarks, with their article where English uses one
_LANDMARKS = """
Paris, France: the Eiffel Tower; the Louvre Museum; the Orsay Museum; the Bastille Opera; the Pont Neuf; the Tuileries Garden; the Grand Palais; the Moulin Rouge
Rome, Italy: the Trevi Fountain; the Spanish Steps; the Piazza Navona; the Sistine Bridge; the Colosseum; the Roman Forum
Florence, Italy: the Pitti Palace; the Boboli Gardens; the Bargello Museum; the Uffizi Gallery
Venice, Italy: the Rialto Bridge; the Bridge of Sighs; the Fenice Theatre; the Accademia Bridge
Milan, Italy: the Scala Theatre; the Sforza Castle; the Brera Gallery; the San Siro Stadium
London, England: the Big Ben; the Tower Bridge; the Trafalgar Square; the Hyde Park; the Covent Garden; the Camden Market; the Wembley Stadium; the Globe Theatre; the Tate Gallery; the Kew Gardens; the Buckingham Palace
Edinburgh, Scotland: the Royal Mile; the Scott Monument; the Murrayfield Stadium
Dublin, Ireland: the Phoenix Park; the Croke Park; the Temple Bar; the Trinity College
Berlin, Germany: the Brandenburg Gate; the Reichstag; the Pergamon Museum; the Charlottenburg Palace; the Bellevue Palace; the Bode Museum
Vienna, Austria: the Hofburg Palace; the Prater Park; the Albertina Museum; the Karls Church; the Belvedere Palace
Prague, Czechia: the Charles Bridge; the Wenceslas Square; the Dancing House; the Petrin Tower; the Tyn Church
Budapest, Hungary: the Chain Bridge; the Gellert Baths; the Matthias Church; the Liberty Bridge
Madrid, Spain: the Prado Museum; the Retiro Park; the Plaza Mayor; the Bernabeu Stadium; the Debod Temple
Barcelona, Spain: the Park Guell; the Camp Nou; the Casa Mila; the Casa Batllo; the Liceu Theatre; the Sagrada Familia
Copenhagen, Denmark: the Tivoli Gardens; the Little Mermaid; the Rosenborg Castle; the Round Tower; the Amalienborg Palace
Stockholm, Sweden: the Vasa Museum; the Skansen Museum; the Nobel Museum
Helsinki, Finland: the Rock Church; the Senate Square; the Kiasma Museum
Athens, Greece: the Parthenon; the Acropolis; the Benaki Museum
Istanbul, Turkey: the Blue Mosque; the Topkapi Palace; the Galata Tower; the Grand Bazaar; the Maiden's Tower; the Hagia Sophia
Moscow, Russia: the Red Square; the Bolshoi Theatre; the Gorky Park; the Pushkin Museum
Cairo, Egypt: the Tahrir Square; the Azhar Mosque; the Abdeen Palace; the Saladin Citadel
Delhi, India: the Red Fort; the Lotus Temple; the Qutb Minar; the Humayun Tomb
Jaipur, India: the Hawa Mahal; the Amber Fort; the Albert Hall Museum
Beijing, China: the Forbidden Palace; the Summer Palace; the Lama Temple; the Temple of Heaven
Shanghai, China: the Pearl Tower; the Jade Buddha Temple; the Yu Garden
Tokyo, Japan: the Meiji Shrine; the Ueno Park; the Rainbow Bridge
Bangkok, Thailand: the Wat Arun; the Wat Pho; the Emerald Buddha; the Lumphini Park; the Chatuchak Market
Tehran, Iran: the Azadi Tower; the Golestan Palace; the Milad Tower
Lisbon, Portugal: the Belem Tower; the Carmo Convent; the Rossio Square
Porto, Portugal: the Clerigos Tower; the Dragon Stadium
Brussels, Belgium: the Atomium; the Manneken Pis; the Magritte Museum
Oslo, Norway: the Vigeland Park; the Munch Museum; the Fram Museum
Warsaw, Poland: the Wilanow Palace; the Lazienki Park; the Praga Museum
Sydney, Australia: the Bondi Beach; the Luna Park; the Taronga Zoo
Kyoto, Japan: the Inari Shrine; the Nijo Castle; the Golden Pavilion
Vancouver, Canada: the Stanley Park; the Burrard Bridge; the Capilano Bridge
Marrakesh, Morocco: the Bahia Palace; the Majorelle Garden; the Badi Palace
Seattle, America: the Space Needle; the Lumen Field; the Pike Market
Boston, America: the Fenway Park; the Faneuil Hall; the Bunker Hill
Washington, America: the White House; the Kennedy Center
Chicago, America: the Willis Tower; the Cloud Gate; the Navy Pier; the Wrigley Field; the Hancock Tower
Bogota, Colombia: the Gold Museum; the Bolivar Square; the Colpatria Tower
Rio, Brazil: the Maracana Stadium; the Selaron Steps; the Ipanema Beach
"""

# continent: country, capital, language
_COUNTRIES = """
Europe: France, Paris, French; Germany, Berlin, German; Italy, Rome, Italian; Spain, Madrid, Spanish; Portugal, Lisbon, Portuguese; England, London, English; Scotland, Edinburgh, English; Ireland, Dublin, English; Austria, Vienna, German; Belgium, Brussels, Dutch; Switzerland, Bern, German; Poland, Warsaw, Polish; Czechia, Prague, Czech; Slovakia, Bratislava, Slovak; Hungary, Budapest, Hungarian; Romania, Bucharest, Romanian; Bulgaria, Sofia, Bulgarian; Greece, Athens, Greek; Russia, Moscow, Russian; Ukraine, Kyiv, Ukrainian; Serbia, Belgrade, Serbian; Croatia, Zagreb, Croatian; Denmark, Copenhagen, Danish; Sweden, Stockholm, Swedish; Norway, Oslo, Norwegian; Finland, Helsinki, Finnish; Iceland, Reykjavik, Icelandic; Estonia, Tallinn, Estonian; Latvia, Riga, Latvian
Africa: Egypt, Cairo, Arabic; Morocco, Rabat, Arabic; Tunisia, Tunis, Arabic; Algeria, Algiers, Arabic; Sudan, Khartoum, Arabic; Kenya, Nairobi, Swahili; Tanzania, Dodoma, Swahili; Ghana, Accra, English; Nigeria, Abuja, English; Senegal, Dakar, French; Angola, Luanda, Portuguese; Zambia, Lusaka, English
Asia: Turkey, Ankara, Turkish; China, Beijing, Mandarin; Japan, Tokyo, Japanese; Thailand, Bangkok, Thai; Vietnam, Hanoi, Vietnamese; Indonesia, Jakarta, Indonesian; Nepal, Kathmandu, Nepali; Bangladesh, Dhaka, Bengali; Pakistan, Islamabad, Urdu; Iran, Tehran, Persian; Iraq, Baghdad, Arabic; Syria, Damascus, Arabic; Jordan, Amman, Arabic; Lebanon, Beirut, Arabic; Qatar, Doha, Arabic; Oman, Muscat, Arabic; Armenia, Yerevan, Armenian
North: Canada, Ottawa, English; Cuba, Havana, Spanish; Jamaica, Kingston, English; Nicaragua, Managua, Spanish
South: Peru, Lima, Spanish; Chile, Santiago, Spanish; Colombia, Bogota, Spanish; Ecuador, Quito, Spanish; Venezuela, Caracas, Spanish; Uruguay, Montevideo, Spanish; Brazil, Brasilia, Portuguese
Oceania: Australia, Canberra, English
"""

_SPORTS = """
tennis: Serena Williams; Roger Federer; Rafael Nadal; Steffi Graf; Billie Jean King
football: Lionel Messi; Cristiano Ronaldo; Diego Maradona; Zinedine Zidane; David Beckham; Johan Cruyff
basketball: Michael Jordan; LeBron James; Kobe Bryant; Larry Bird; Stephen Curry
golf: Tiger Woods; Jack Nicklaus; Arnold Palmer; Nancy Lopez
boxing: Mike Tyson; Joe Frazier; George Foreman
swimming: Michael Phelps; Mark Spitz; Katie Ledecky; Ian Thorpe
baseball: Babe Ruth; Jackie Robinson; Willie Mays; Derek Jeter
cricket: Sachin Tendulkar; Brian Lara; Virat Kohli; Shane Warne
hockey: Bobby Orr; Gordie Howe
cycling: Eddy Merckx; Greg LeMond; Lance Armstrong
"""

_INSTRUMENTS = """
guitar: Jimi Hendrix; Eric Clapton; Keith Richards; Carlos Santana; Jimmy Page
trumpet: Miles Davis; Louis Armstrong; Chet Baker
saxophone: John Coltrane; Charlie Parker; Sonny Rollins; Stan Getz; Lester Young
cello: Pablo Casals; Yo-Yo Ma
violin: Itzhak Perlman; Joshua Bell; Hilary Hahn
piano: Glenn Gould; Thelonious Monk; Oscar Peterson; Bill Evans; Herbie Hancock
drums: Ringo Starr; Keith Moon; Buddy Rich; John Bonham
flute: James Galway; Georges Barrere
clarinet: Benny Goodman; Artie Shaw
bass: Charles Mingus; Ron Carter; Jaco Pastorius
"""

# English uses no article with these, whatever the table above says.
_BARE = {
    "Big Ben", "Tower Bridge", "Trafalgar Square", "Hyde Park", "Covent Garden", "Camden Market", "Wembley Stadium",
    "Kew Gardens", "Murrayfield Stadium", "Phoenix Park", "Croke Park", "Temple Bar",
    "Charlottenburg Palace", "Bellevue Palace", "Wenceslas Square",
    "Retiro Park", "Park Guell", "Camp Nou", "Casa Mila", "Casa Batllo", "Tivoli Gardens", "Rosenborg Castle", "Amalienborg Palace",
    "Senate Square", "Topkapi Palace", "Red Square", "Gorky Park",
    "Tahrir Square", "Abdeen Palace",
    "Ueno Park", "Wat Arun", "Wat Pho", "Lumphini Park",
    "Golestan Palace",
    "Cloud Gate", "Navy Pier", "Wrigley Field", "Bolivar Square",
    "Buckingham Palace", "Trinity College", "Hagia Sophia", "Chatuchak Market", "Ipanema Beach", "Rossio Square",
    "Vigeland Park", "Wilanow Palace", "Lazienki Park", "Bondi Beach", "Luna Park", "Taronga Zoo", "Nijo Castle", "Stanley Park", "Lumen Field", "Pike Market", "Fenway Park", "Faneuil Hall", "Bunker Hill",
}


def _rows(table):
    """(head, entry) for each 'head: entry; entry' line."""
    for line in table.strip().splitlines():
        head, entries = line.split(": ")
        for entry in entries.split("; "):
            yield head, entry


def _landmark(head, entry):
    city, country = head.split(", ")
    name = entry.removeprefix("the ")
    return {"name": name, "article": "" if name in _BARE else "the ", "city": city, "country": country}


LANDMARKS = [_landmark(head, entry) for head, entry in _rows(_LANDMARKS)]
COUNTRIES = [dict(zip(("name", "capital", "language"), entry.split(", ")), article="", continent=continent) for continent, entry in _rows(_COUNTRIES)]
PEOPLE = [{"name": entry, "article": "", "sport": sport} for sport, entry in _rows(_SPORTS)] + [
    {"name": entry, "article": "", "instrument": instrument} for instrument, entry in _rows(_INSTRUMENTS)
]

# A continent of two words is answered by its first; the sentence goes on with the second.
REST_OF_ANSWER = {"North": " America", "South": " America"}

MEN = "John James David Tom Mark Paul Peter Robert Michael William Richard Daniel Matthew Andrew Kevin Brian George Edward Steven Eric Jack Henry Adam Ryan Simon Frank Scott Justin Luke Jason Carl Martin Oscar Alan".split()
WOMEN = "Mary Sarah Anna Emma Laura Julia Alice Lisa Susan Karen Nancy Linda Helen Emily Jessica Rachel Amy Kate Ruth Rose Jane Claire Diana Grace Lucy Maria Sophie Olivia Victoria Elena Nina Amanda Rebecca Hannah".split()

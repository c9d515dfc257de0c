"""Prose written for these tests, and pages made of it: clean ones, noisy ones, and readings that went wrong."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.config import PageRules
from pipeline.quality.rules import Judgement, judge_page
from pipeline.quality.signals import measure_pages
from pipeline.records import PageFacts, PageId, PageSignals, PageText

HARBOUR = (
    "The harbour master kept two ledgers, one for the ships that came and one for those that did not. Every "
    "evening he walked to the end of the mole, counted the lights beyond the bar, and wrote a number that nobody "
    "had asked him for. In winter the ink froze, so he learned to breathe on the nib before each entry. His "
    "daughter thought the second ledger was a prayer book until she found her own name in it, beside a date that "
    "had not yet come. She asked him what it meant, and he answered that a promise is also a kind of vessel, and "
    "that somebody ought to keep watch for it. After his death the council burned both books to warm the "
    "schoolroom, and the children remarked how blue the flame was."
)
SOIL = (
    "Clay soils hold water far longer than sand, which is why gardeners on the northern slopes plant their beans "
    "late. The committee measured drainage at forty sites between March and October and compared the results with "
    "older surveys. Where hedges had been removed, runoff doubled within three seasons; where they were replanted, "
    "it took nearly a decade to return to the earlier level. Farmers objected that the wet years had distorted the "
    "sample. A second campaign, paid for by the county, confirmed the pattern but not its size. The authors "
    "therefore advise caution, shallow ploughing, and patience, and they suggest that every parish keep a rain "
    "gauge of its own."
)
MACHINE = (
    "Before starting the press, make sure that the guard is closed and that no tools lie on the feed table. Turn "
    "the main switch to position two and wait until the green lamp stops blinking. If the motor hums without "
    "turning, switch it off at once and call the service desk, because a blocked roller overheats in less than a "
    "minute. Paper should rest in the room overnight so that it takes on the same moisture as the air. Heavy stock "
    "needs a wider gap; adjust both screws by the same amount and print ten trial sheets. Clean the rollers every "
    "Friday with the blue solvent, never with petrol, and record the date on the card that hangs behind the door."
)
PROSE = {
    "en": f"{HARBOUR}\n\n{SOIL}",
    "de": (
        "Der Müller am oberen Bach besaß drei Esel und eine Uhr, die rückwärts ging. Wenn jemand ihn fragte, wie "
        "spät es sei, rechnete er eine Weile und nannte dann eine Stunde, die meistens stimmte. Im Herbst brachten "
        "die Bauern ihr Korn, und während die Steine liefen, erzählten sie von Hochzeiten, Krankheiten und "
        "verlorenen Schlüsseln. Niemand wusste, woher die Uhr stammte. Seine Großmutter hatte behauptet, ein "
        "Soldat habe sie als Pfand zurückgelassen, doch in den Kirchenbüchern fand sich kein Hinweis darauf. Als "
        "die Mühle verkauft wurde, blieb die Uhr an der Wand hängen und zeigte noch viele Jahre lang eine Zeit, "
        "die es nicht mehr gab."
    ),
    "fr": (
        "La bibliothécaire rangeait les livres selon la couleur de leur dos, ce qui rendait les chercheurs furieux et les "
        "enfants très heureux. Un matin de février, un homme est venu demander un traité de navigation imprimé à Rouen. Elle a "
        "réfléchi un instant, puis elle est montée à l'échelle et lui a tendu un petit volume vert qu'il n'avait jamais vu. Il "
        "y trouva, entre deux pages, une lettre adressée à son grand-père. Depuis ce jour, il revient chaque semaine, non pour "
        "lire, mais pour vérifier que les couleurs sont toujours à leur place et que personne n'a remis l'ordre alphabétique."
    ),
    "es": (
        "El tren de las cinco nunca llegaba antes de las seis, y por eso los vecinos habían aprendido a esperar "
        "sin mirar el reloj. En el andén se jugaba a las cartas, se vendían naranjas y se discutía de política con "
        "mucha cortesía. Cuando la compañía anunció que los horarios se cumplirían, hubo una pequeña protesta "
        "delante de la estación. La gente no quería puntualidad, sino aquella hora de más que nadie les había "
        "regalado nunca. El jefe de estación escribió una carta larga a la capital y, mientras tanto, dejó parado "
        "el gran reloj de la fachada."
    ),
    "ru": (
        "Старый смотритель маяка каждое утро записывал в тетрадь направление ветра и цвет воды. Зимой он писал карандашом, "
        "потому что чернила замерзали, а летом пользовался пером, которое подарил ему проезжий учитель. Корабли проходили мимо "
        "всё реже, но лампу он зажигал вовремя, как было указано в инструкции. Однажды к нему приехала комиссия и спросила, "
        "кому нужен этот свет. Он долго молчал, потом открыл тетрадь на последней странице и показал им список имён. Комиссия "
        "уехала на следующий день, и больше никто не говорил о том, что маяк пора закрыть."
    ),
    "el": (
        "Ο παλιός ταχυδρόμος ήξερε όλα τα σπίτια του χωριού από τον ήχο της πόρτας τους. Όταν έβρεχε, άφηνε τα γράμματα στο "
        "καφενείο και περίμενε να σταματήσει η βροχή, πίνοντας έναν καφέ με τους ψαράδες. Κανείς δεν παραπονιόταν για την "
        "καθυστέρηση, γιατί οι ειδήσεις έρχονταν έτσι κι αλλιώς από το ραδιόφωνο. Μια μέρα βρήκε ένα γράμμα χωρίς όνομα και "
        "χωρίς διεύθυνση, και το κράτησε στην τσάντα του για πολλά χρόνια."
    ),
    "zh": (
        "老船长退休以后住在河边的一间小屋里，每天早上都要去码头看一看水位。他说水会记住所有经过的船，只是人们已经忘记怎"
        "样去听。村里的孩子喜欢围着他，听他讲远方的港口、奇怪的集市和夜里发光的海。有一年春天河水涨得很高，他提前三天让"
        "大家把粮食搬到山上，没有人相信他，可是最后大家还是照做了。洪水退去之后，人们在他的门口放了一张新的椅子。他坐在"
        "上面，什么也没有说，只是望着河水慢慢流向东边。后来有人问他是怎样知道的，他笑着回答，河边的鸟比任何仪器都要准确"
        "。"
    ),
    "ja": (
        "町はずれの時計屋には、動かない時計ばかりが並んでいた。店主は毎朝それらを布で拭き、ひとつずつ耳を近づけて、音が"
        "しないことを確かめた。ある日、旅の途中の女性が店に入ってきて、止まった時計をひとつ売ってほしいと言った。店主は"
        "しばらく考えてから、いちばん古い柱時計を指さした。それは彼の祖父が、津波の朝に止めたものだった。女性は静かにう"
        "なずき、何も聞かずに代金を払った。その夜、店の中で長い間聞こえなかった音が、ほんの少しだけ聞こえたような気がし"
        "た。"
    ),
    "ko": (
        "산기슭의 작은 학교에는 학생이 세 명뿐이었지만 선생님은 매일 아침 종을 울렸다. 겨울이 오면 "
        "아이들은 난로 옆에 모여 앉아 책을 읽었고, 선생님은 창밖의 눈을 보면서 먼 도시에 대한 이야기를 "
        "들려주었다. 어느 날 교육청에서 사람이 와서 학교를 닫아야 한다고 말했다. 마을 사람들은 며칠 "
        "동안 회의를 한 끝에 스스로 돈을 모아 지붕을 고치기로 했다. 봄이 되자 새로운 가족이 이사를 "
        "왔고, 학생은 다섯 명이 되었다."
        " 여름에는 모두 함께 운동장에 나무를 심었고, 그 나무는 지금도 교문 옆에서 자라고 있다."
        " 선생님은 그 나무 아래에서 아이들에게 별의 이름을 가르쳐 주었다."
    ),
    "ar": (
        "كان صاحب المكتبة القديمة يعرف كل كتاب من رائحته قبل أن يقرأ عنوانه. في الصباح يفتح النوافذ ليدخل الهواء، "
        "ثم يجلس قرب الباب وينتظر أول زائر. جاءه ذات يوم طفل صغير يسأل عن خريطة للنجوم، فابتسم الرجل وأخرج من "
        "الدرج ورقة صفراء رسمها والده قبل خمسين عاما. قال له إن السماء لم تتغير كثيرا منذ ذلك الوقت، وإن المدينة "
        "هي التي تغيرت. أخذ الطفل الخريطة وعاد في المساء ليخبره أنه وجد النجم الأول فوق سطح بيته."
    ),
    "th": (
        "ชาวประมงในหมู่บ้านริมทะเลตื่นก่อนดวงอาทิตย์ขึ้นทุกวันเพื่อเตรียมเรือและอวน "
        "เมื่อถึงฤดูมรสุมพวกเขาจะอยู่บ้านและซ่อมแซมเครื่องมือที่ชำรุด เด็กเด็กช่วยกันตากปลาและฟังเรื่องเล่าของผู้เฒ"
        "่าเกี่ยวกับเกาะที่ไม่มีใครเคยเห็น ปีหนึ่งมีพายุใหญ่พัดเรือหายไปหลายลำ "
        "ทุกคนในหมู่บ้านช่วยกันสร้างเรือขึ้นมาใหม่ และตั้งชื่อเรือลำแรกตามชื่อของภูเขาที่คอยบังลมให้พวกเขามาตลอดหลา"
        "ยชั่วอายุคน"
    ),
    "he": (
        "הנגר הזקן בנה שולחנות שלא התנדנדו אפילו על רצפה עקומה. אנשים באו אליו מכל הכפרים ושאלו אותו מה הסוד, והוא "
        "ענה שהעץ יודע לבד איפה לעמוד. בחורף האחרון שלו הוא בנה כיסא קטן לנכדה שעוד לא נולדה, והשאיר אותו ליד "
        "החלון. כאשר היא למדה ללכת, היא התיישבה בו בלי שאיש הראה לה, והביטה החוצה אל ההרים כאילו חיכתה למישהו "
        "שעומד לחזור הביתה."
    ),
}
"""Language to a page of it."""

ROOT = Path(__file__).resolve().parents[2]
FACTS = PageFacts(
    width_pt=595.0, height_pt=842.0, rotation_degrees=0, dpi=150.0, width_px=1240, height_px=1754, ink_fraction=0.05
)
READING = PageText(
    page_id=PageId("0" * 64, 0), text="", status="ok", engine="scripted", engine_version="1", finish_reason="stop"
)


def signals_of(text: str, layer: str = "") -> PageSignals:
    return measure_pages([text], layer_texts=[layer], layer_garbled=[0.0 if layer else None])[0]


def judged(text: str, *, layer: str = "", reading: PageText = READING, rules: PageRules | None = None) -> Judgement:
    facts = replace(FACTS, layer_text=layer, layer_garbled_fraction=0.0 if layer else None)
    page = replace(reading, text=text)
    return judge_page(facts, page, signals_of(text, layer), rules or PageRules(), configured_dpi=150.0)


def with_noise(text: str, character_error: float, seed: int = 1) -> str:
    """Replaces letters by other letters of the same text, as a bad reading does."""
    chance = random.Random(seed)
    letters = sorted({char for char in text if char.isalpha()})
    return "".join(chance.choice(letters) if char.isalpha() and chance.random() < character_error else char for char in text)


def printed(paragraph: str, columns: int) -> str:
    """A paragraph as a printer sets it, one line per newline, no hyphenation."""
    lines = [""]
    for word in paragraph.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > columns:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def looping(head: str, unit: str, num_chars: int) -> str:
    """A reading that went on well and then repeats `unit` until it is cut off in mid-word."""
    return head + (unit * (num_chars // len(unit) + 1))[:num_chars]


def pages_of(paragraphs: Sequence[str]) -> list[str]:
    return [printed(paragraph, 70) for paragraph in paragraphs]

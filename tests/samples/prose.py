"""The texts of the sample corpus, written for it."""

PAPER_HEAD = "Notes on the Lower Mill"
PAPER_TITLE = "Water, Rags and Patience: How a Small Mill Made Paper"
PAPER_AUTHOR = "A study drawn for the sample corpus"
PAPER = """\
A paper mill begins with a river. Before anyone thought of rags or moulds, somebody walked along the bank and asked three \
questions: does the water fall far enough to turn a wheel, is it clear enough to leave no stain, and does it run through \
the summer? The Lower Mill answered yes to the first two and only perhaps to the third. In dry years the wheel stood still \
from July to September, and the workers mended felts, sorted rags and waited for rain.

The wheel drove a row of hammers. Each hammer was a beam of oak with a head of iron nails, lifted by a cam and dropped into \
a stone trough where wet rags lay. Four hammers stood over each trough, and they fell in turn, so that the rags were pushed \
around and never beaten twice in the same place. After twelve hours the weave had gone. After twenty-four the threads had \
gone too, and what was left looked like thin milk in which something was about to happen.

Rags were the whole secret of good paper. Linen that had been worn for years, washed a hundred times and bleached on the \
grass made the strongest sheets, because use had softened every fibre without cutting it. New cloth was harder to beat and \
gave a coarse pulp. Women sorted the bundles by hand at long tables with a scythe blade fixed upright in front of them: they \
pulled each rag against the blade, cut off buttons and seams, and threw the pieces into one of six baskets.

The finest basket held white linen and was kept for writing paper. The next held grey linen for printing. Then came cotton, \
then hemp from old ropes and sails, then coloured cloth, and last of all wool, which is useless for paper and was sold on to \
the makers of felt. A good sorter handled sixty pounds a day. Dust filled the room, and the mill gave each woman a cup of \
milk at noon in the belief that it washed the throat.

From the troughs the pulp went into the vat, a round tub of wood with a small stove under it. Warm pulp drains faster than \
cold, and warm hands work longer. The vatman stood on a low platform and held the mould: a frame of mahogany crossed by thin \
brass wires, and on top of it a loose rim called the deckle, which decides how large the sheet will be and how much pulp \
stays on it.

He dipped the mould upright, turned it flat under the surface and lifted it out full. For three or four seconds he shook it, \
first from left to right and then away from himself and back. This shake crosses the fibres and locks them; a sheet made \
without it tears along one side like cloth along a thread. Nobody could describe the shake to a beginner. It was learned by \
standing next to an older man for about two years, and it was lost again within weeks by anyone who stopped.

The coucher took the mould from him and pressed the wet sheet against a felt with one rolling motion, so that it stayed \
there when the mould came away. Sheet upon felt and felt upon sheet, the two men built a pile called a post. When it held \
one hundred and forty-four sheets, everybody in the room was called to the press. Six people leaned on the bar, and the post \
gave up half of its height and most of its water.

After pressing, the sheets could be lifted by two corners without falling apart. They were hung in the loft over ropes of \
cow hair, which does not stain, four or five together, with the shutters opened just enough to let the air move. Drying took \
three days in a west wind and nine in fog. Sheets that dried too fast curled like leaves, and no later pressing could make \
them flat again.

Paper that is only dry drinks ink. To write on it, one has to size it, and the size of the Lower Mill was boiled from the \
parings of hides that the tanner at the bridge sold by the sack. The smell could be followed upstream to the church. A \
bundle of sheets was dipped into the warm glue, pressed and hung again, and of every hundred sheets some eight were spoiled \
in this step alone. The workers called the sizing room the slaughterhouse.

What did a year come to? The account books survive for eleven years. In the best of them the mill sold two thousand and \
fifty reams, about one million sheets, made by fourteen people with one vat. In the worst it sold seven hundred reams, and \
the miller wrote a single line on the last page: no rain, no rags, no buyers. The next spring he borrowed forty pounds from \
his brother and built a second trough.

Machines ended the trade within one lifetime. The first machine in the county made in an hour what the vat made in a day, \
and it never had to learn the shake. The Lower Mill lived on for a while with filter paper and bank paper, for which the \
uneven edge of a handmade sheet was worth its price. Then the wheel was sold for its iron. The vat is a flower bed today, \
and the river, which was the beginning of everything, still answers yes to the first two questions and only perhaps to the \
third."""

LETTER = """\
Lower Mill Wharf, 14 March

Dear Mr Hartley,

Thank you for the sample sheets, which arrived on Tuesday with only one corner bent. My brother and I have held them against \
the window and agree that the watermark is clear, the colour even, and the surface as good as any we have bought from the \
larger houses in the city.

Before we order, may I ask two things? The first concerns the weight. Our binder says that a sheet of one hundred and twenty \
grams cracks at the fold unless the grain runs with the spine. Could you cut forty reams so that it does? The second \
concerns time. We print the almanac in October, and the paper has to lie in our own store for six weeks before that, because \
fresh paper moves under the press.

If both can be done at the price you named, please take this letter as our order and send the account to my brother, who \
keeps the books and is easier to find than I am.

With kind regards,

Eleanor Whitcombe"""

INVOICE_HEAD = "INVOICE No. 2041"
INVOICE_TO = "To: Whitcombe & Brother, Printers, Lower Mill Wharf"
INVOICE_ROWS = (
    ("Item", "Quantity", "Unit price", "Amount"),
    ("Laid paper, 120 g, cream", "40 reams", "18.50", "740.00"),
    ("Wove paper, 90 g, white", "25 reams", "12.00", "300.00"),
    ("Blotting paper, pink", "6 reams", "9.75", "58.50"),
    ("Marbled sheets, large", "120 sheets", "1.40", "168.00"),
    ("Carriage to the wharf", "1", "35.00", "35.00"),
    ("Total", "", "", "1301.50"),
)
INVOICE_FOOT = "Please pay within thirty days. Goods remain ours until they are paid for."

MANUAL = """\
Care of the vat

Empty the vat every Saturday after the last post. Open the lower tap first and the upper tap second, so that the pulp at the \
bottom leaves before it can settle.

Scrub the inside with a soft brush and clean river water. Never use soap: a trace of it makes the next sheets foam, and each \
bubble becomes a hole.

Check the stove pipe for cracks while the vat is dry. A leak that cannot be seen in full water can be heard as a drip in an \
empty room."""

MANUAL_TABLE = """\
Plate 3. Speeds of the hammers

First hour: forty strokes a minute, to open the cloth.
Second to twelfth hour: sixty strokes a minute.
After the twelfth hour: thirty strokes, with fresh water.
Stop the wheel before you reach into the trough."""

GERMAN = """\
Der Büttgeselle und sein Sieb

Wer früher Papier schöpfen wollte, lernte zuerst das Warten. Der Lehrling rührte ein Jahr lang den Brei in der Bütte, trug \
Wasser, heizte die Blase und sah zu, wie der Geselle das Sieb eintauchte, flach hob und mit einem kurzen Ruck schüttelte. \
Erst danach durfte er selbst einen Bogen versuchen, und meist wurde daraus ein löchriger Lappen, den man lachend in die \
Bütte zurückwarf.

Das Sieb war das kostbarste Werkzeug der Mühle. Auf einem Rahmen aus Eichenholz lagen feine Messingdrähte, dicht wie die \
Saiten einer Harfe, und zwischen ihnen das Zeichen des Müllers aus gebogenem Draht. Jeder Bogen trug später dieses Zeichen, \
heller als das übrige Papier, und wer es gegen das Licht hielt, wusste sofort, aus welchem Tal der Bogen kam.

Gute Lumpen waren knapp. Sammler zogen mit Karren durch die Dörfer und tauschten Nadeln, Bänder und Geschirr gegen alte \
Hemden. Mancher Landesherr verbot die Ausfuhr, weil die eigenen Mühlen sonst stillgestanden hätten. So begann jedes Buch, \
lange bevor ein Wort geschrieben war, mit einem abgetragenen Hemd."""

CHINESE = """\
造纸与耐心

从前的纸坊总是建在河边。水要清，不能有泥沙；水要急，才能推动水轮。工匠们先把树皮、麻绳和破布洗净，\
放在石槽里反复捶打，直到纤维散开，变成乳白色的纸浆。

抄纸的师傅双手端着竹帘，斜着插入水中，再平平地抬起来。水从竹帘的缝隙流走，留下薄薄一层纤维。\
这个动作只有几秒钟，却要学上好几年。抄得太慢，纸就厚薄不匀；抄得太快，纸上会留下小孔。

湿纸一张一张叠起来，用木板压去水分，然后揭开，贴在温热的墙上烘干。\
晴天一个上午就能揭下，阴雨天却要等到第二天。老人们常说：好纸不怕慢，只怕心急。"""

RECORD = (
    """\
RAG STORE, DAY BOOK
Received on Monday: nine bundles of white linen,
four bundles of grey linen, one bundle of rope.
Two bundles were sent back because they were damp.
Weighed by Thomas Reed, checked by Anne Marsh.""",
    """\
RAG STORE, DAY BOOK, CONTINUED
Received on Thursday: six bundles of cotton,
three bundles of coloured cloth, no wool.
Paid to the carrier: four shillings and sixpence.
The river is low and the wheel stands until Friday.""",
)

NOTICE = """\
NOTICE TO VISITORS
The loft is closed while paper is drying.
Please do not open the shutters.
Guided walks start at ten and at three.
Children may try the small vat."""

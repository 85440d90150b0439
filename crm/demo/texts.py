"""What people write down: next steps, notes, calls, mails, meetings, reasons for losing."""

from __future__ import annotations

from crm.demo.chance import Weighted

NEXT_STEPS: dict[str, tuple[str, ...]] = {
    "early": (
        "find the buyer's direct number", "call to introduce us", "send the company profile", "check their delivery area", "ask the driver who signs there",
        "call back after 11", "look up their second outlet", "mail the catalogue",
    ),
    "talking": (
        "send samples", "send the price list", "call about the tasting", "invite to the showroom", "ask about monthly volume",
        "get the chef's feedback on samples",
        "visit with the sales van", "find out who else delivers", "send the halal certificates",
    ),
    "terms": (
        "revise the offer", "agree payment terms", "get the trade licence copy", "talk to finance about 45 days", "send the contract for signature",
        "offer the mixed pallet price", "confirm delivery days", "call the owner about the discount",
    ),
    "trial": (
        "check first delivery", "call after the trial order", "book the second order", "ask for feedback from the kitchen",
        "set up standing order", "fix the invoice address",
    ),
    "won": (
        "quarterly review", "introduce the new range", "raise the standing order", "visit before the season", "ask for a referral", "renew prices",
    ),
    "over": ("try again next quarter", "ask for a meeting in spring"),
}  # fmt: skip

LOST_REASONS = (
    "Price", "Stays with present supplier", "No answer", "Outside delivery area", "Business closed", "Payment terms", "Range does not fit", "Buyer left",
)  # fmt: skip
CHURNED_REASONS = ("Price", "Late deliveries", "Changed owner", "Business closed", "Went to a competitor", "Smaller menu")

ACTIVITIES: dict[str, tuple[str, ...]] = {
    "call": (
        "Spoke to {given}. Interested, wants the price list for the 10 kg packs before the weekend.",
        "No answer, left word with reception. Will try again in the morning.",
        "{given} confirmed the delivery address and asked for morning slots only.",
        "Short call: they are under contract until the end of the quarter, open to samples meanwhile.",
        "Went through the offer line by line. Two items too dear, the rest is fine.",
        "{given} says the kitchen liked the samples. Next step is the owner.",
        "They had a late delivery last week. Apologised and promised a call from logistics.",
        "Asked about volumes: about {n} cartons a month across {m} outlets.",
        "Wants to think about it, call back on Tuesday.",
        "Confirmed the trial order. First delivery next week.",
    ),
    "mail_out": (
        "Sent the catalogue and the current price list, with the three items they asked about on top.",
        "Followed up on our talk: samples leave today, tracking number inside.",
        "Sent the revised offer with {n} days payment and free delivery from two pallets.",
        "Thanked them for the visit and summed up what we agreed.",
        "Reminder about the open offer; it stands until the end of the month.",
        "Sent certificates and the allergen sheet.",
    ),
    "mail_in": (
        "{given} asks for a quote for {n} cartons a month, delivered twice a week.",
        "They would like to see two more references from hotels nearby.",
        "{given} writes that the owner is travelling, decision after the 15th.",
        "Order confirmation for the trial, with a new invoice address.",
        "Complaint about two damaged cartons; asks for a credit note.",
        "They accept the prices but want a longer payment term.",
    ),
    "meeting": (
        "Tasting with {given} and the head chef. Three products chosen, one needs a smaller pack.",
        "Visited the store. Good shelf space beside the entrance, competitor has two metres.",
        "Met the owner. Decides on price, but service matters after the trouble with their present supplier.",
        "Review of the quarter: volumes up {n} percent, wants a better rate from next year.",
        "Showroom visit. {given} took samples of the new range.",
        "Walked through the warehouse together, agreed on delivery windows.",
    ),
    "note": (
        "Buys mostly through the head office; the branches only reorder.",
        "Prefers messages over calls, answers within the hour.",
        "Competitor delivers here on Mondays and Thursdays.",
        "Credit check done, limit as asked.",
        "Opening a second branch after the summer.",
        "Decision maker is the owner's brother, {given} only prepares it.",
        "Do not offer the small packs again, they have no shelf for them.",
    ),
    "message": (
        "Sent the photo of the new packaging, {given} likes it.",
        "Asked for a quick price for {n} cartons, answered within minutes.",
        "Reminder about tomorrow's delivery, confirmed.",
        "Sent our location for the showroom visit.",
    ),
}  # fmt: skip

SOURCES = Weighted((("Website", 26), ("Referral", 20), ("Cold call", 18), ("Trade fair", 13), ("Field visit", 12), ("Partner", 7), ("Marketplace", 4)))
RANGES = (
    "spring range", "dairy", "frozen range", "coffee", "bakery line", "own label", "summer menu",
    "hotel breakfast", "standing order", "new branch", "catering packs",
)  # fmt: skip

"""The entry of every run: who is looking, the menu they may see, and the page they asked for."""

from crm.ui import navigation

navigation.run()

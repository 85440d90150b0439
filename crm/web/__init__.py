"""The ASGI side of the door: what stands before Streamlit, and the few routes that are neither a page nor the API."""
